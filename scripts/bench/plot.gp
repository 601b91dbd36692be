# SPDX-License-Identifier: GPL-2.0
#
# gnuplot -e "csv='FILE'; bars='FILE'; out='FILE'; what='TITLE'" plot.gp: draws a run of scripts/bench.sh.
# bars is the output of bars.awk.

# The figures of one name, for plot; by: y is divided by x / by.
f(group, name) = sprintf("<awk -F, '$1 == \"%s\" && $2 == \"%s\" { print $3, $4 }' %s", group, name, csv)
by(group, name, unit) = sprintf("<awk -F, '$1 == \"%s\" && $2 == \"%s\" { print $3 / %d, $4 / ($3 / %d) }' %s", \
	group, name, unit, unit, csv)

set terminal svg size 1500,900 background "white" font "sans,12"
set output out
set termoption noenhanced
set multiplot
set label 1 what.": instructions, QEMU icount (CPUs: time)" at screen 0.5,0.98 center font ",15"
set label 2 "One operation, by its size" at screen 0.012,0.945 font ",14"
set label 3 "Growth: flat is good" at screen 0.012,0.465 font ",14"
set style data linespoints
set grid lc rgb "#dddddd"
set pointsize 0.6
set key samplen 1.5 spacing 1.1

lvbs = "#c00000"
lvbs2 = "#e07000"
lvbs3 = "#8000c0"
floor = "#404040"
peer = "#0060c0"
peer2 = "#00a000"

# --- top: bars first, the only linear plot, then operations ---
set origin 0.60,0.47
set size 0.39,0.46
unset key
set title "Each figure by its bar (1: just met)"
set xlabel "green: met, red: not met"
set lmargin 46
set datafile separator "\t"
set xrange [*:*]
set yrange [*:*]
stats bars using 2 nooutput
set xrange [0:(STATS_max > 1.2 ? 1.1 * STATS_max : 1.2)]
set yrange [0.4 - STATS_records:0.6]
set xtics auto
set style fill solid 0.8 noborder
set arrow 1 from 1,graph 0 to 1,graph 1 nohead lw 2 lc rgb "#404040" front
plot bars using (0):(-$0):(0):2:(-$0 - 0.35):(-$0 + 0.35):($1 > 0 ? 0x00a000 : 0xc00000):ytic(3) \
	with boxxyerror lc rgb variable
unset arrow 1
set datafile separator whitespace
unset lmargin
set ytics auto
set key
unset label 1
unset label 2
unset label 3

set logscale xy
set key top left Left reverse
set format y "10^%T"
set size 0.30,0.46
set origin 0,0.47
set xlabel "bytes"
set title "Reading scattered frames"
set xtics ("24" 24, "256" 256, "4 KiB" 4096, "64 KiB" 65536, "1 MiB" 1048576)
set xrange [15:2500000]
set yrange [15:3000000]
plot f("op", "lvbs_read") lw 3 lc rgb lvbs title "lvbs, on demand", \
	f("op", "session_read") lw 3 lc rgb lvbs3 title "lvbs, in a session", \
	f("op", "floor_read") lc rgb floor dt 2 title "floor: vmap + copy + vunmap", \
	f("op", "vm_map_ram") lc rgb peer title "vm_map_ram + copy", \
	f("op", "kmap_local_same_copy") lc rgb peer2 title "kmap_local + lvbs's copy"
set origin 0.30,0.47
set title "A record into a ring"
set xtics ("16" 16, "64" 64, "256" 256, "1 KiB" 1024)
set xrange [12:1400]
set yrange [30:100000]
plot f("ring", "on_demand") lw 3 lc rgb lvbs title "lvbs, on demand", \
	f("ring", "persistent") lw 3 lc rgb lvbs3 title "lvbs, persistent", \
	f("ring", "trace_ring") lc rgb peer title "trace ring buffer (per CPU)", \
	f("ring", "relay") lc rgb peer2 title "relay (per CPU, no NMI)"

# --- bottom: growth ---
set logscale xy
set key top left Left reverse
set format y "10^%T"
set size 0.25,0.44
set origin 0,0
set title "Pages: a page's share of one read"
set xlabel "pages"
set xtics ("1" 1, "16" 16, "256" 256, "4096" 4096, "65536" 65536)
set xrange [0.7:100000]
set yrange [20:100000]
plot by("growth", "lvbs_read", 4096) lw 3 lc rgb lvbs title "lvbs, on demand", \
	by("growth", "init", 4096) lw 2 lc rgb lvbs2 title "of it: making the pointer", \
	by("growth", "kmap_local_same_copy", 4096) lc rgb peer2 title "kmap_local + lvbs's copy"

set origin 0.25,0
set title "Known patch sites"
set xlabel "sites"
set xtics ("10" 10, "100" 100, "1000" 1000, "10^4" 10000, "10^5" 100000, "10^6" 1000000)
set xrange [7:1500000]
set yrange [100:1000000]
plot f("sites", "switch") lw 3 lc rgb lvbs title "a jump-label switch, 3 requests", \
	f("sites", "request_copy") lc rgb floor dt 2 title "of it: copying a request", \
	f("sites", "find") lw 3 lc rgb lvbs3 title "a lookup, sites 16 bytes apart", \
	f("sites", "find_sparse") lw 2 lc rgb lvbs2 title "a lookup, sites 2 KiB apart"

set origin 0.5,0
set title "Rings"
set xlabel "rings"
set xtics ("1" 1, "10" 10, "100" 100, "1000" 1000)
set xrange [0.7:1500]
set yrange [50:1000000]
plot f("rings", "on_demand") lw 3 lc rgb lvbs title "a record of 64 bytes, on demand", \
	f("rings", "persistent") lw 3 lc rgb lvbs3 title "a record of 64 bytes, persistent", \
	f("rings", "by_name") lw 2 lc rgb lvbs2 title "finding a ring by name"

set origin 0.75,0
unset logscale x
set title "CPUs at once, one emulating thread"
set xlabel "CPUs"
set ylabel "ns per operation"
set xtics 1
set xrange [0.7:4.3]
set yrange [100:10000000]
plot f("cpus", "lvbs_read_obj") lw 3 lc rgb lvbs title "lvbs read of 24 bytes", \
	f("cpus", "on_demand") lw 3 lc rgb lvbs2 title "one ring on demand", \
	f("cpus", "persistent") lw 3 lc rgb lvbs3 title "one persistent ring", \
	f("cpus", "trace_ring") lc rgb peer title "trace ring buffer (one per CPU)"
unset multiplot
