#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [--kernel NAME]            measures the module and the alternatives to it
# bench.sh --compare OLD.csv NEW.csv  compares two runs (scripts/bench/compare.sh)
#
# Counts instructions in a VM under icount: repeatable on a busy machine, but blind to caches, TLBs and
# `rep movs` (an iteration is an instruction). Measures several CPUs in a VM without icount, where one host
# thread emulates them all, and the copy routine natively, under UML (KUnit's speed_report) and in user space.
# Prints tables, and leaves build/bench.csv and build/bench.svg (also build/bench-KERNEL.*). LVBS_BENCH_PAGES
# and LVBS_BENCH_SITES limit the growth measurements (default 65536 frames, 1000000 patch sites).
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=$(default_kernel)
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	--compare) shift && exec "$SCRIPTS/bench/compare.sh" "$@" ;;
	*) bad_usage "unknown argument $1" ;;
	esac
	shift
done

"$SCRIPTS/packages.sh" build vm bench
make_tmp

# Reads the host's clock at the guest's marks: the guest's own clock counts instructions.
stamp() {
	while IFS= read -r line; do
		case $line in
		"mark "*" start") start=$(date +%s%N) ;;
		"mark "*" end")
			mark=${line#mark }
			echo "wall,${mark% end},268435456,$(($(date +%s%N) - start)),1"
			;;
		*,*) echo "$line" ;;
		*) say "$line" ;;
		esac
	done
}

# vm_lines CSV OPTION... SCRIPT [ARG...]: the lines that SCRIPT prints in a VM with /bench.ko. Addresses are the
# same in each run, so that trees over them have the same shape.
vm_lines() {
	lines=$1
	shift
	rm -f "$tmp/vm"
	mkfifo "$tmp/vm"
	stamp <"$tmp/vm" >"$lines" &
	LVBS_VM_TIMEOUT=${LVBS_VM_TIMEOUT:-900} "$SCRIPTS/vm.sh" --kernel "$kernel" --append nokaslr \
		--add "$ko" "$@" >"$tmp/vm" || return
	wait
}

under_icount() {
	vm_lines "$tmp/vm.csv" --smp 1 --mem 1024 --icount "$SCRIPTS/guest/bench.sh" \
		"${LVBS_BENCH_PAGES:-65536}" "${LVBS_BENCH_SITES:-1000000}"
}

# Stock kernels do not start a second CPU under icount (QEMU 7.2).
on_cpus() {
	vm_lines "$tmp/cpus.csv" --smp 4 "$SCRIPTS/guest/bench.sh" --cpus
}

# native,TABLE:RIVAL,BYTES,GB/s,1
natively() {
	"$SCRIPTS/bench/copy.sh" | tee "$tmp/native" | awk '
		/GB\/s$/ { table++; next }
		$1 == "bytes" { for (i = 2; i <= NF; i++) name[i] = $i; n = NF; next }
		table && NF == n { for (i = 2; i <= 6; i++) printf "native,%d:%s,%s,%s,1\n", table, name[i], $1, $i }
	' >"$tmp/native.csv"
}

# The same for the routine as built into UML, and for that kernel's memcpy; MB/s in the log.
under_uml() {
	"$SCRIPTS/kunit.sh" --arch um --log "$tmp/uml.log" lvbs_copy_nofault >"$tmp/uml" || {
		cat "$tmp/uml" >&2
		return 1
	}
	awk '
		/speed_report:/ && $NF == "nofault" { for (i = 1; i <= 4; i++) name[i] = $(NF - 4 + i); next }
		/speed_report:/ && $NF ~ /^[0-9]+$/ {
			for (i = 1; i <= 4; i++) printf "native,uml:%s,%s,%.1f,1\n", name[i], $(NF - 4), $(NF - 4 + i) / 1000
		}
	' "$tmp/uml.log" >"$tmp/uml.csv"
	test -s "$tmp/uml.csv"
}

"$SCRIPTS/build.sh" --kernel "$kernel" >/dev/null
ko=$("$SCRIPTS/build.sh" --kernel "$kernel" --module bench)
run "measuring in a VM with Linux $kernel under icount" under_icount
run "measuring on 1 to 4 emulated CPUs" on_cpus
run "measuring the copy routine under UML" under_uml
run "measuring the copy routine in user space" natively

csv=$BUILD/bench-$kernel.csv
{
	echo "group,name,x,value,samples"
	cat "$tmp/vm.csv" "$tmp/cpus.csv" "$tmp/uml.csv" "$tmp/native.csv"
} >"$csv.new"
mv "$csv.new" "$csv"

release=$(cat "$("$SCRIPTS/kernel.sh" "$kernel")/release")
printf '\nlvbs on Linux %s, %s; QEMU %s, 1 CPU, icount shift=0; instructions, medians\n' "$release" "$(date +%F)" \
	"$("$QEMU" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')"
awk -v data="$tmp/bars" -f "$SCRIPTS/bench/bars.awk" "$SCRIPTS/bench/bars" "$csv"

# matrix GROUP UNIT BY TITLE
matrix() {
	printf '\n%s\n' "$4"
	awk -v group="$1" -v unit="$2" -v by="$3" -f "$SCRIPTS/bench/matrix.awk" "$csv"
}

matrix op 1 0 "instructions by operation and bytes (lvbs_*_obj: contiguous, *_read and *_write: scattered frames)"
matrix part 1 0 "parts of an operation, by bytes"
matrix ring 1 0 "a record into a ring of 64 KiB, by bytes; means of 128 records (on demand: 16)"
matrix growth 4096 4096 "growth: instructions per page, by pages"
matrix sites 1 0 "growth: by number of known patch sites (find: 16 bytes apart, find_sparse: 2 KiB)"
matrix rings 1 0 "growth: by number of rings"
matrix cpus 1 0 "growth: by CPUs at work at once; nanoseconds of the one thread that emulates them all, per operation (not repeatable)"

awk -F, '
	$1 == "live" { v[$2] = $4; n = $5 }
	$1 == "wall" { wall[$2] = $4 / 1e9 }
	END {
		printf "\na write to the kernel'"'"'s own text, by live mode (mean of %d, switching included)\n", n
		printf "%-22s%10d\n%-22s%10d\n%-22s%10d\n", "off", v["off"], "audit", v["audit"], "mediate", v["mediate"]
		printf "\nwall time of the two dd in the emulator, s\n"
		printf "%-22s%10.2f\n%-22s%10.2f\n", "lvbs_mem", wall["lvbs_mem"], "kcore", wall["kcore"]
	}
' "$csv"

svg=$BUILD/bench-$kernel.svg
gnuplot -e "csv='$csv'; bars='$tmp/bars'; out='$svg.new'; what='lvbs on Linux $release'" "$SCRIPTS/bench/plot.gp"
mv "$svg.new" "$svg"
cp "$svg" "$BUILD/bench.svg"
cp "$csv" "$BUILD/bench.csv"
printf '\n%s, %s\n' "$BUILD/bench.csv" "$BUILD/bench.svg"
