package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OpenShared opens a file for reading and appending that all users of the machine
// share, in a directory such as /tmp, and creates it (0666, whatever the umask) if
// it is missing. A link, any other kind of file, and a file with a second name are
// errors: a user could have put the path of another file there. The content may be
// that of any user.
func OpenShared(path string) (*os.File, error) {
	for {
		file, err := openShared(path)
		if errors.Is(err, fs.ErrExist) {
			continue // another process was faster
		}
		return file, err
	}
}

func openShared(path string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_APPEND | syscall.O_NOFOLLOW
	// The kernel refuses O_CREATE for another user's file in a sticky directory
	// (fs.protected_regular), and opening a device or a pipe may have an effect.
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createShared(path, flags|os.O_CREATE|os.O_EXCL)
	}
	if err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		return nil, err
	}
	file, err := openRegular(path, flags)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrExist // it was there: try again
	}
	if err != nil {
		return nil, err
	}
	if err := checkSingleName(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func createShared(path string, flags int) (*os.File, error) {
	file, err := openRegular(path, flags)
	if err != nil {
		return nil, err
	}
	if err := file.Chmod(0o666); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
