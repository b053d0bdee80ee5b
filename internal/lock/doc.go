// Package lock keeps two runs from working on one release at the same time: a
// lock file ([File]) on this machine, and a [Lease] in the cluster for runs of
// other machines and users.
//
// # The lock file
//
// It is locked with flock(2), so the kernel gives it back when its process
// ends, even by kill -9. The file tells who holds it. It is removed when the
// lock is given back, which is why whoever locks it looks whether it still is
// the file of that path.
//
// # The Lease
//
// It is renewed every 10 s and runs out after 30 s. One that was renewed within
// that time belongs to a run at work: others do not wait for it. One that looks
// as if it had run out is watched for its whole duration first, as client-go's
// leader election does: then no clock but our own must be right.
//
// A run that was killed leaves its Lease behind. If it was one of this machine,
// its token is still in the lock file, and the lock on that file is the proof
// that it is over: its Lease is taken over at once.
//
// client-go's leader election is not used, because it waits for the Lease where
// a run must say at once who has it, and gives up after a renewal that is late.
// A run outlives an API server that is away: nobody can take the Lease then
// either. It is lost when somebody else has it, and then the run must stop.
package lock
