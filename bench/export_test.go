package bench

// Tiny is the size of tests.
const Tiny = tiny

// Judge is Result.judge.
func Judge(r *Result) { r.judge() }
