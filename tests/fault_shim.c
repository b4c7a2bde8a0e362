/* An LD_PRELOAD library that fails one system call, once, on a file below a folder, or kills the process that makes it;
   see fault_shim.py.

   Calls are counted in a file that all processes map, so that the n-th call is the n-th of a command and its workers.
   Without a call to fail, every call is written to the log: its kind and its path. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder, *failing, *journal;
static long number;
static int error;
static long *count;

/* Read the environment; called at the start, and by a process that was forked for one case. */
__attribute__((constructor)) void fault_configure(void) {
    const char *text, *state = getenv("FAULT_STATE");
    folder = getenv("FAULT_FOLDER");
    failing = getenv("FAULT_CALL");
    journal = getenv("FAULT_LOG");
    number = (text = getenv("FAULT_NUMBER")) ? atol(text) : 0;
    error = (text = getenv("FAULT_ERROR")) ? atoi(text) : 0;
    count = NULL;
    if (folder && state) {
        int file = syscall(SYS_openat, AT_FDCWD, state, O_RDWR | O_CLOEXEC);
        void *mapped = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        syscall(SYS_close, file);
        if (mapped != MAP_FAILED) count = mapped;
    }
}

static void note(const char *call, const char *path) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\n", call, path);
    int file = syscall(SYS_openat, AT_FDCWD, journal, O_WRONLY | O_APPEND | O_CLOEXEC);
    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
}

static int below(const char *path) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* Whether this call on this path fails; errno is set then. */
static int fails(const char *call, const char *path) {
    if (!below(path)) return 0;
    if (!failing) {
        int before = errno;
        note(call, path);
        errno = before;
        return 0;
    }
    if (strcmp(call, failing) || __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != number) return 0;
    note(call, path);
    if (!error) syscall(SYS_kill, getpid(), SIGKILL);
    errno = error;
    return 1;
}

static int of_descriptor(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int descriptor_fails(const char *call, int descriptor) {
    char path[PATH_MAX];
    int before = errno;
    if (!count || !of_descriptor(descriptor, path)) {
        errno = before;
        return 0;
    }
    errno = before;
    return fails(call, path);
}

static int of_name(int from, const char *name, char *path) {
    if (!count || !name) return 0;
    *path = 0;
    if (name[0] != '/' && (from == AT_FDCWD ? syscall(SYS_getcwd, path, PATH_MAX) < 0 : !of_descriptor(from, path)))
        return 0;
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX, name[0] && name[0] != '/' ? "/%s" : "%s", name);
    return 1;
}

static int path_fails(const char *call, int from, const char *name) {
    char path[2 * PATH_MAX];
    return of_name(from, name, path) && fails(call, path);
}

static int one_of_paths_fails(const char *call, int from, const char *old, int to, const char *new) {
    char path[2 * PATH_MAX];
    return of_name(to, new, path) && below(path) ? fails(call, path) : path_fails(call, from, old);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_PATH(call, result, name, parameters, arguments, from, path, failed) \
    result name parameters { \
        REAL(name); \
        return path_fails(call, from, path) ? failed : real arguments; \
    }

#define ON_DESCRIPTOR(call, result, name, parameters, arguments, descriptor) \
    result name parameters { \
        REAL(name); \
        return descriptor_fails(call, descriptor) ? -1 : real arguments; \
    }

#define ON_TWO_PATHS(call, name, parameters, arguments, from, old, to, new) \
    int name parameters { \
        REAL(name); \
        return one_of_paths_fails(call, from, old, to, new) ? -1 : real arguments; \
    }

#define OPEN(name, parameters, from, ...) \
    int name parameters { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        REAL(name); \
        return path_fails("open", from, path) ? -1 : real(__VA_ARGS__, flags, mode); \
    }

OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path)
OPEN(openat, (int from, const char *path, int flags, ...), from, from, path)
OPEN(openat64, (int from, const char *path, int flags, ...), from, from, path)
ON_PATH("open", FILE *, fopen, (const char *path, const char *mode), (path, mode), AT_FDCWD, path, NULL)
ON_PATH("open", FILE *, fopen64, (const char *path, const char *mode), (path, mode), AT_FDCWD, path, NULL)
ON_PATH("list", DIR *, opendir, (const char *path), (path), AT_FDCWD, path, NULL)

DIR *fdopendir(int file) {
    REAL(fdopendir);
    return descriptor_fails("list", file) ? NULL : real(file);
}

ON_DESCRIPTOR("read", ssize_t, read, (int file, void *to, size_t size), (file, to, size), file)
ON_DESCRIPTOR("read", ssize_t, readv, (int file, const struct iovec *to, int parts), (file, to, parts), file)
ON_DESCRIPTOR("read", ssize_t, pread, (int file, void *to, size_t size, off_t at), (file, to, size, at), file)
ON_DESCRIPTOR("read", ssize_t, pread64, (int file, void *to, size_t size, off64_t at), (file, to, size, at), file)
ON_DESCRIPTOR("write", ssize_t, write, (int file, const void *from, size_t size), (file, from, size), file)
ON_DESCRIPTOR("write", ssize_t, writev, (int file, const struct iovec *from, int parts), (file, from, parts), file)
ON_DESCRIPTOR("write", ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at), file)
ON_DESCRIPTOR("write", ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at),
              file)
ON_DESCRIPTOR("write", ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size), to)
ON_DESCRIPTOR("write", ssize_t, sendfile64, (int to, int from, off64_t *at, size_t size), (to, from, at, size), to)
ON_DESCRIPTOR("write", ssize_t, copy_file_range,
              (int from, off64_t *at, int to, off64_t *into, size_t size, unsigned flags),
              (from, at, to, into, size, flags), to)
ON_DESCRIPTOR("fsync", int, fsync, (int file), (file), file)
ON_DESCRIPTOR("fsync", int, fdatasync, (int file), (file), file)
ON_DESCRIPTOR("truncate", int, ftruncate, (int file, off_t size), (file, size), file)
ON_DESCRIPTOR("truncate", int, ftruncate64, (int file, off64_t size), (file, size), file)
ON_PATH("truncate", int, truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path, -1)
ON_PATH("truncate", int, truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path, -1)
ON_DESCRIPTOR("stat", int, fstat, (int file, struct stat *found), (file, found), file)
ON_DESCRIPTOR("stat", int, fstat64, (int file, struct stat64 *found), (file, found), file)
ON_PATH("stat", int, stat, (const char *path, struct stat *found), (path, found), AT_FDCWD, path, -1)
ON_PATH("stat", int, stat64, (const char *path, struct stat64 *found), (path, found), AT_FDCWD, path, -1)
ON_PATH("stat", int, lstat, (const char *path, struct stat *found), (path, found), AT_FDCWD, path, -1)
ON_PATH("stat", int, lstat64, (const char *path, struct stat64 *found), (path, found), AT_FDCWD, path, -1)
ON_PATH("stat", int, fstatat, (int from, const char *path, struct stat *found, int flags), (from, path, found, flags),
        from, path, -1)
ON_PATH("stat", int, fstatat64, (int from, const char *path, struct stat64 *found, int flags),
        (from, path, found, flags), from, path, -1)
ON_PATH("mkdir", int, mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path, -1)
ON_PATH("mkdir", int, mkdirat, (int from, const char *path, mode_t mode), (from, path, mode), from, path, -1)
ON_PATH("unlink", int, unlink, (const char *path), (path), AT_FDCWD, path, -1)
ON_PATH(flags & AT_REMOVEDIR ? "rmdir" : "unlink", int, unlinkat, (int from, const char *path, int flags),
        (from, path, flags), from, path, -1)
ON_PATH("rmdir", int, rmdir, (const char *path), (path), AT_FDCWD, path, -1)
ON_TWO_PATHS("rename", rename, (const char *old, const char *new), (old, new), AT_FDCWD, old, AT_FDCWD, new)
ON_TWO_PATHS("rename", renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), from, old,
             to, new)
ON_TWO_PATHS("link", link, (const char *old, const char *new), (old, new), AT_FDCWD, old, AT_FDCWD, new)
ON_TWO_PATHS("link", linkat, (int from, const char *old, int to, const char *new, int flags),
             (from, old, to, new, flags), from, old, to, new)

/* What fails is a write that was put off; the file is closed all the same. */
int close(int file) {
    REAL(close);
    int mode = count ? fcntl(file, F_GETFL) : -1;
    int failed = mode >= 0 && (mode & O_ACCMODE) != O_RDONLY && descriptor_fails("close", file), closed = real(file);
    if (failed) errno = error;
    return failed ? -1 : closed;
}
