package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// usage is what a piece of work took.
type usage struct {
	wall time.Duration
	cpu  time.Duration
	peak int64 // bytes
}

func (u usage) String() string {
	return fmt.Sprintf("%.2f s, %.2f CPU s", u.wall.Seconds(), u.cpu.Seconds())
}

// tick is the unit of times in /proc, the same on all of Linux's machines.
const tick = time.Second / 100

// processCPU is what a process has used, together with the children that it
// has waited for. It is 0 where there is no /proc.
func processCPU(pid int) time.Duration {
	return readStat(strconv.Itoa(pid))
}

// serverCPU is what a PostgreSQL has used: the postmaster, the processes that
// it waited for, and those that are alive.
func serverCPU(postmaster int) time.Duration {
	sum := processCPU(postmaster)
	// It has one thread, so these are all its children.
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", postmaster))
	if err != nil {
		return sum
	}
	for _, pid := range bytes.Fields(children) {
		sum += readStat(string(pid))
	}
	return sum
}

// readStat reads the times of /proc/PID/stat, in which the name, in
// parentheses, may hold anything.
func readStat(pid string) (cpu time.Duration) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const utime, cstime = 11, 14 // after the name
	if len(f) <= cstime {
		return 0
	}
	for _, field := range f[utime : cstime+1] {
		n, _ := strconv.ParseInt(string(field), 10, 64)
		cpu += time.Duration(n) * tick
	}
	return cpu
}

// memory reads a size, in bytes, of /proc/PID/status: VmHWM is the most that
// the process ever held, VmRSS what it holds. It is 0 where there is no /proc.
//
// The kernel's rusage would not do: a child's begins with the peak of the
// process that started it.
func memory(pid int, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(text, []byte("\n"+name+":"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return kib << 10
}

// measure runs work in this process. Where the system can forget the peak of
// earlier work, it does.
func measure(work func() error) (u usage, err error) {
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) //nolint:errcheck // the peak is then a bit too high
	began, cpu := time.Now(), ownCPU()
	err = work()
	return usage{time.Since(began), ownCPU() - cpu, memory(os.Getpid(), "VmHWM")}, err
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
