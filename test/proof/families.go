package proof

// Family is a kind of fault, and what its stories do.
type Family struct {
	Number int
	Name   string
	Does   string
}

// Families lists them in order.
func Families() []Family {
	return []Family{
		{1, "Killed programs", "The built program is ended by SIGKILL at each step boundary, between Shopify's deed and its answer, in its commits to the lakehouse, and at random moments, again and again within one sync. The next start ends the same run: no finished step is repeated, no bulk operation started twice."},
		{2, "PostgreSQL away", "The server is stopped at once, as by a power cut, again and again within a sync, and connections are cut when COMMIT has been sent and before its answer is back. The outcome is looked up. Meanwhile the API answers 503 with Retry-After, and never an empty list."},
		{3, "Disk full", "Archive, warehouse, the server's files and the folder for temporary files are on a disk that is too small. The error names path and size; when there is room, the same run finishes."},
		{4, "Broken downloads", "Results of bulk operations are cut in mid-line and at a line end, have the wrong length, expire, change, stall or trickle. None is taken for complete that isn't."},
		{5, "Corrupt lines", "Lines of results are no UTF-8, no JSON, too long, without an id or a parent, or of numbers that nobody can store. They are rejected with line and reason, and the rest lands."},
		{6, "Duplicate and late delivery", "Lines, files, webhooks and requests come twice, fifty at once, and older ones after newer ones. There is one effect, and the newest wins."},
		{7, "Several processes", "Processes that share a database are killed, frozen, woken and replaced in mid-run, and five of them find the same slot of a schedule at once. Each slot runs once, and who wakes too late writes nothing."},
		{8, "Clocks", "What is due is decided on the database's time by a pure function. Its clock jumps an hour and 400 days, back and forth, over leap days and changes of daylight saving. No slot is lost and none runs twice."},
		{9, "Storms", "Shopify answers with 429, 430, 5xx, THROTTLED, HTML, half an answer or none. Requests stay within its bucket and all is done after; what a person must mend isn't tried again."},
		{10, "Odd bulk operations", "Bulk operations are too many, done at once, failed with late or no partial data, cancelled, expired or empty, or the answer to their start is lost. Each export comes in once."},
		{11, "The lakehouse's commits", "Writers and compactions meet, and are killed between their files and the pointer to them. Every snapshot holds each row once, for a reader that shares nothing with ours."},
	}
}
