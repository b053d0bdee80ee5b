// Package lock prevents two runs from changing the same release at once. A lock
// file ([File]) covers this machine; a [Lease] in the cluster covers other machines
// and users.
//
// # Lock file
//
// The file is locked with flock(2), so the kernel releases the lock when the process
// ends, even after kill -9. The file names its holder. Because the holder removes
// the file, a process that locks it must check that the path still refers to it.
//
// # Lease
//
// A Lease is renewed every 10 s and expires after 30 s. If it was renewed within that
// time, other runs fail immediately. Otherwise they observe it for its full duration
// before they take it over, like client-go's leader election. The clocks of the
// machines need not agree.
//
// A killed run leaves its Lease behind. If the run was on this machine, its token is
// in the lock file, and the lock proves that it has ended. The next run takes over
// the Lease immediately.
//
// client-go's leader election is not used: it waits instead of reporting the holder,
// and stops after a late renewal. A run survives an unavailable API server, because
// no other run can acquire the Lease then. It stops only if another run holds it.
package lock
