package app

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// faultPoint kills the process, as a power cut would, where the setting says:
// "step:before", "step:after", or the number of a step boundary from 1.
func faultPoint(setting string) func(step, where string) {
	if setting == "" {
		return nil
	}
	boundary, _ := strconv.ParseInt(setting, 10, 64)
	var passed atomic.Int64
	return func(step, where string) {
		if step+":"+where == setting || passed.Add(1) == boundary {
			syscall.Kill(os.Getpid(), syscall.SIGKILL) //nolint:errcheck // there is nobody left to tell
			select {}
		}
	}
}
