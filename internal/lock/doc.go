// Package lock prevents two runs from changing the same release at once. A lock
// file ([File]) covers this machine, a [Lease] in the cluster other machines and
// users. A [Shared] lock protects the cluster: all users of this machine share it.
//
// # Lock file
//
// The file is locked with flock(2), so the kernel releases the lock when the
// process ends, even after kill -9. Because the holder removes the file, a
// process that locks it must check that the path still refers to it.
//
// # Shared lock
//
// A run that needs the lock exclusively gives up shared mode before it waits, so two
// such runs cannot block each other ([Shared.Ensure]).
//
// # Lease
//
// A Lease is renewed every 10 s and expires after 30 s. While it is fresh, other
// runs fail immediately. Otherwise they observe it for its full duration before
// they take it over, like client-go's leader election. The clocks of the machines
// need not agree.
//
// A killed run leaves its Lease behind. If it was on this machine, its token is
// in the lock file. Holding the lock proves that the run has ended, so the next
// run takes over the Lease immediately.
//
// client-go's leader election is not used: it waits instead of reporting the
// holder, and stops after a late renewal. A run survives an unavailable API
// server, because no other run can acquire the Lease then.
package lock
