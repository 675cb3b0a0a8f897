package pg

import (
	"testing"
	"time"
)

// SetMaxTx shortens the time of a transaction, in milliseconds.
func SetMaxTx(_ testing.TB, db *DB, ms int) { db.maxTx = time.Duration(ms) * time.Millisecond }
