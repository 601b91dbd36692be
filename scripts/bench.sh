#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [--kernel NAME]   measures the module beside what people would use instead
#
# Instructions in a VM under icount: repeatable, whatever else the machine does, but blind to caches,
# TLBs and `rep movs` (an iteration is an instruction). Native speed for the copy routine, in user
# space. Prints tables, and leaves build/bench.csv and build/bench.svg (also build/bench-KERNEL.*).
# LVBS_BENCH_PAGES bounds the growth measurement (default 65536 frames).
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=6.1
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	*) die "unknown argument $1" ;;
	esac
	shift
done

"$SCRIPTS/packages.sh" build vm bench
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Looks at the clock where the guest says so: it has none but its count of instructions.
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

in_vm() {
	"$SCRIPTS/build.sh" --kernel "$kernel" >/dev/null || return
	ko=$("$SCRIPTS/build.sh" --kernel "$kernel" --module bench) || return
	mkfifo "$tmp/vm"
	stamp <"$tmp/vm" >"$tmp/vm.csv" &
	LVBS_VM_TIMEOUT=${LVBS_VM_TIMEOUT:-900} "$SCRIPTS/vm.sh" --kernel "$kernel" --smp 1 --mem 1024 --icount \
		--add "$ko" "$SCRIPTS/guest/bench.sh" "${LVBS_BENCH_PAGES:-65536}" >"$tmp/vm" || return
	wait
}

# native,TABLE:RIVAL,BYTES,GB/s,1
natively() {
	"$SCRIPTS/bench/copy.sh" | tee "$tmp/native" | awk '
		/GB\/s$/ { table++; next }
		$1 == "bytes" { for (i = 2; i <= NF; i++) name[i] = $i; n = NF; next }
		NF == n { for (i = 2; i <= 6; i++) printf "native,%d:%s,%s,%s,1\n", table, name[i], $1, $i }
	' >"$tmp/native.csv"
}

run "measuring in a VM with Linux $kernel under icount" in_vm
run "measuring the copy routine natively" natively

csv=$BUILD/bench-$kernel.csv
{
	echo "group,name,bytes,value,samples"
	cat "$tmp/vm.csv" "$tmp/native.csv"
} >"$csv.new"
mv "$csv.new" "$csv"

release=$(cat "$("$SCRIPTS/kernel.sh" "$kernel")/release")
printf '\nlvbs on Linux %s, %s; QEMU %s, 1 CPU, icount shift=0; instructions, medians\n' "$release" "$(date +%F)" \
	"$("$QEMU" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')"

awk -F, '
	NR > 1 { v[$1, $2, $3] = $4; if ($1 == "native") rivals[$2, $3] = $4 }

	function bar(what, ours, theirs, limit) {
		if (!ours || !theirs)
			return
		printf "%-46s %10d %10d %6.2f   <= %.2f  %s\n", what, ours, theirs, ours / theirs, limit,
			(ours / theirs <= limit ? "met" : "NOT MET")
	}

	# The worst of 1 KiB and more, by bytes in order of size; a table is a kind of alignment.
	function native(table, rival, what,    k, part, worst, ratio, at) {
		worst = 1e9
		for (k in rivals) {
			split(k, part, SUBSEP)
			if (part[1] != table ":ours" || part[2] < 1024)
				continue
			ratio = rivals[k] / rivals[table ":" rival, part[2]]
			if (ratio < worst) {
				worst = ratio
				at = part[2]
			}
		}
		if (worst < 1e9)
			printf "%-46s %10.1f %10.1f %6.2f   >= 0.80  %s\n", what, rivals[table ":ours", at],
				rivals[table ":" rival, at], worst, (worst >= 0.8 ? "met" : "NOT MET")
	}

	END {
		printf "\n%-46s %10s %10s %6s   %7s\n", "", "lvbs", "against", "ratio", "bar"
		o = "op"
		bar("read of 24 bytes / vmap+copy+vunmap", v[o, "lvbs_read_obj", 24], v[o, "floor_read", 24], 1.10)
		bar("write of 24 bytes / vmap+copy+vunmap", v[o, "lvbs_write_obj", 24], v[o, "floor_write", 24], 1.10)
		bar("the same, with the fastest backend", v[o, "lvbs_write_obj", 24], v[o, "floor_write", 24], 0.60)
		bar("24 bytes in a session / nofault copy", v[o, "session_read", 24], v[o, "nofault", 24], 1.5)
		bar("1 MiB, 256 frames, read / kmap_local, same copy", v[o, "lvbs_read", 1048576],
			v[o, "kmap_local_same_copy", 1048576], 1.5)
		bar("1 MiB, 256 frames, write / the same", v[o, "lvbs_write", 1048576],
			v[o, "kmap_local_same_copy", 1048576], 1.5)
		bar("dd of 256 MiB, phys/mem / kcore, in 1000", v["dd", "lvbs_mem", 268435456] / 1000,
			v["dd", "kcore", 268435456] / 1000, 0.67)
		if (v["wall", "kcore", 268435456])
			printf "%-46s %10.2f %10.2f %6.2f\n", "    its wall time in the emulator, s",
				v["wall", "lvbs_mem", 268435456] / 1e9, v["wall", "kcore", 268435456] / 1e9,
				v["wall", "lvbs_mem", 268435456] / v["wall", "kcore", 268435456]
		print "\nnative copy, 1 KiB and more, the worst, GB/s"
		native(1, "memcpy", "  page-aligned / glibc memcpy")
		native(2, "memcpy", "  misaligned / glibc memcpy")
		native(3, "memcpy", "  misaligned, 1 to 32 ahead / glibc memcpy")
		native(1, "rep-movsb", "  page-aligned / kernel memcpy")
		native(2, "rep-movsb", "  misaligned / kernel memcpy")
		native(3, "rep-movsb", "  misaligned, 1 to 32 ahead / kernel memcpy")
	}
' "$csv"

# Rows and columns in the order of the file.
matrix() {
	printf '\n%s\n' "$2"
	awk -F, -v group="$1" -v unit="$3" -v by="$4" '
		$1 == group {
			if (!($2 in row)) { row[$2] = ++rows; name[rows] = $2 }
			if (!($3 in col)) { col[$3] = ++cols; size[cols] = $3 }
			cell[row[$2], col[$3]] = by ? sprintf("%.1f", $4 / ($3 / by)) : $4
		}
		END {
			printf "%-22s", ""
			for (c = 1; c <= cols; c++) printf "%10d", size[c] / unit
			print ""
			for (r = 1; r <= rows; r++) {
				printf "%-22s", name[r]
				for (c = 1; c <= cols; c++) printf "%10s", cell[r, c] == "" ? "-" : cell[r, c]
				print ""
			}
		}
	' "$csv"
}

matrix op "instructions by operation and bytes (lvbs_*_obj: contiguous, *_read and *_write: scattered frames)" 1 0
matrix part "parts of an operation, by bytes" 1 0
matrix growth "growth: instructions per page, by pages" 4096 4096

awk -F, '
	$1 == "live" { v[$2] = $4; n = $5 }
	END {
		printf "\na write to the kernel'"'"'s own text, by live mode (mean of %d, switching included)\n", n
		printf "%-22s%10d\n%-22s%10d\n%-22s%10d\n", "off", v["off"], "audit", v["audit"], "mediate", v["mediate"]
	}
' "$csv"

plot() {
	svg=$BUILD/bench-$kernel.svg
	for name in floor_read lvbs_read lvbs_write vm_map_ram memremap kmap_local_same_copy session_read nofault; do
		awk -F, -v n="$name" '$1 == "op" && $2 == n { print $3, $4 }' "$csv" >"$tmp/op_$name"
	done
	for name in lvbs_read kmap_local_same_copy init; do
		awk -F, -v n="$name" '$1 == "growth" && $2 == n { print $3 / 4096, $4 / ($3 / 4096) }' "$csv" \
			>"$tmp/growth_$name"
	done
	gnuplot <<-END
		set terminal svg size 1200,520 enhanced background "white" font "sans,12"
		set output "$svg.new"
		set multiplot layout 1,2 title "lvbs on Linux $release: instructions (QEMU icount)" noenhanced
		set logscale xy
		set grid
		set key top left noenhanced
		set title "One operation, by its size"
		set xlabel "bytes"
		set ylabel "instructions"
		set xtics ("24" 24, "256" 256, "4 KiB" 4096, "64 KiB" 65536, "1 MiB" 1048576)
		plot "$tmp/op_lvbs_read" with linespoints lw 3 lc rgb "#c00000" title "lvbs read (on demand)", \
			"$tmp/op_lvbs_write" with linespoints lw 3 lc rgb "#ff8000" title "lvbs write (on demand)", \
			"$tmp/op_session_read" with linespoints lw 3 lc rgb "#8000c0" title "lvbs read in a session", \
			"$tmp/op_floor_read" with linespoints lc rgb "#404040" title "floor: vmap + copy + vunmap", \
			"$tmp/op_vm_map_ram" with linespoints lc rgb "#0060c0" title "vm_map_ram + copy", \
			"$tmp/op_memremap" with linespoints lc rgb "#00a0a0" title "memremap + copy", \
			"$tmp/op_kmap_local_same_copy" with linespoints lc rgb "#00a000" title "kmap_local + lvbs's copy", \
			"$tmp/op_nofault" with linespoints lc rgb "#a0a0a0" title "copy_from_kernel_nofault alone"
		set title "Growth: a page's share of one read"
		set xlabel "pages"
		set ylabel "instructions per page"
		set xtics auto
		set key top right
		plot "$tmp/growth_lvbs_read" with linespoints lw 3 lc rgb "#c00000" title "lvbs read (on demand)", \
			"$tmp/growth_init" with linespoints lw 2 lc rgb "#ff8000" title "of it: making the pointer", \
			"$tmp/growth_kmap_local_same_copy" with linespoints lc rgb "#00a000" title "kmap_local + lvbs's copy"
		unset multiplot
	END
	mv "$svg.new" "$svg"
	cp "$svg" "$BUILD/bench.svg"
	cp "$csv" "$BUILD/bench.csv"
}
plot
printf '\n%s, %s\n' "$BUILD/bench.csv" "$BUILD/bench.svg"
