package workflow

import (
	"os"
	"strconv"
	"strings"
)

// process tells one operating system process from all others, on this machine
// and elsewhere. Where /proc is missing host is empty, and a dead process is
// known only by its lease.
type process struct {
	host    string
	pid     int
	started string
}

func thisProcess() process {
	p := process{pid: os.Getpid()}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return p
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return p
	}
	_, p.started = stat(p.pid)
	p.host = strings.TrimSpace(string(boot)) + "/" + namespace
	return p
}

// gone reports whether other certainly ended; p must be this process.
func (p process) gone(other process) bool {
	if p.host == "" || p.host != other.host {
		return false
	}
	state, started := stat(other.pid)
	return state == "" || state == "Z" || state == "X" || started != other.started
}

// stat returns a process's state letter and its start in clock ticks since
// boot, or two empty strings where there is none.
func stat(pid int) (state, started string) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", ""
	}
	// The second field is the command in parentheses, which may hold anything.
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", ""
	}
	return fields[0], fields[19]
}
