/* Counts what a process does with the files of a folder, and at the operation of one number fails it, ends the process, or
 * waits. Loaded by LD_PRELOAD; what is not of the folder passes unseen.
 *
 * LOGIT_SHIM_FOLDER  the folder, as an absolute path without links
 * LOGIT_SHIM_LOG     a file outside of it: a line per operation, `NUMBER NAME PATH`, and `fired …` at the fault
 * LOGIT_SHIM_AT      the number of the operation, from 1; without it all pass
 * LOGIT_SHIM_FAULT   kill-before, kill-after, cut, full, error, pause
 *
 * Whatever the shim does itself it asks of the kernel, and not of the functions that it stands in for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What is to become of an operation. */
enum fate { PASS, FAIL, HALF, HALF_THEN_END, PASS_THEN_END };

static const char *folder;
static const char *fault;
static long at;
static int events = -1;
static long count;
static int disk_is_full;

__attribute__((constructor)) static void begin(void) {
    const char *number = getenv("LOGIT_SHIM_AT"), *file = getenv("LOGIT_SHIM_LOG");
    fault = getenv("LOGIT_SHIM_FAULT");
    at = number && fault ? atol(number) : 0;
    if (file) events = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (events >= 0) folder = getenv("LOGIT_SHIM_FOLDER");
}

static void tell(const char *before, long number, const char *name, const char *path) {
    char line[PATH_MAX + 100];
    int length = snprintf(line, sizeof line, "%s%ld %s %s\n", before, number, name, path);
    syscall(SYS_write, events, line, length);
}

static void end(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static enum fate fail(int error) {
    errno = error;
    return FAIL;
}

/* Says so on standard output, and waits until standard input ends. */
static enum fate wait_for_the_other(void) {
    char byte;
    syscall(SYS_write, 1, "paused\n", 7);
    while (syscall(SYS_read, 0, &byte, 1) > 0) {}
    return PASS;
}

static enum fate fate_of(const char *name) {
    int writes = strcmp(name, "write") == 0;
    if (strcmp(fault, "pause") == 0) return wait_for_the_other();
    if (strcmp(fault, "error") == 0) return fail(EIO);
    if (strcmp(fault, "kill-before") == 0) end();
    if (strcmp(fault, "kill-after") == 0) return PASS_THEN_END;
    if (strcmp(fault, "cut") == 0) return HALF_THEN_END;
    disk_is_full = 1;
    return writes ? HALF : fail(ENOSPC);
}

/* Counts an operation on a file, and says what is to become of it. */
static enum fate met(const char *name, const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != 0)) return PASS;
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    tell("", number, name, path);
    if (number == at) {
        tell("fired ", number, name, path);
        return fate_of(name);
    }
    int takes_room = strcmp(name, "write") == 0 || strcmp(name, "mkdir") == 0;
    return disk_is_full && takes_room ? fail(ENOSPC) : PASS;
}

/* The path of an open file. */
static const char *opened(char *path, int fd) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

/* The absolute path of what `name` is, seen from an open folder or the one that the process is in. */
static const char *named(char *path, int from, const char *name) {
    char base[PATH_MAX] = "";
    if (name[0] == '/')
        return name;
    if (from != AT_FDCWD)
        opened(base, from);
    else if (syscall(SYS_getcwd, base, sizeof base) < 0)
        base[0] = 0;
    while (strncmp(name, "./", 2) == 0) name += 2;
    snprintf(path, PATH_MAX, "%.2000s/%.2000s", base, name);
    return path;
}

#define REAL(function) static __typeof__(&function) real; if (!real) real = (__typeof__(&function))dlsym(RTLD_NEXT, #function)

/* An operation that happens or does not. */
#define WHOLE(function, parameters, arguments, name, where)                                                            \
    int function parameters {                                                                                          \
        REAL(function);                                                                                                \
        char path[PATH_MAX];                                                                                           \
        enum fate fate = met(name, where);                                                                             \
        if (fate == FAIL) return -1;                                                                                   \
        int result = real arguments;                                                                                   \
        if (fate == PASS_THEN_END) end();                                                                              \
        return result;                                                                                                 \
    }

/* An operation that may happen by half. */
#define PARTIAL(function, parameters, arguments, half, name)                                                           \
    ssize_t function parameters {                                                                                      \
        REAL(function);                                                                                                \
        char path[PATH_MAX];                                                                                           \
        enum fate fate = met(name, opened(path, fd));                                                                  \
        if (fate == FAIL) return -1;                                                                                   \
        int halved = fate == HALF || fate == HALF_THEN_END;                                                            \
        if (fate == HALF && count < 2) {                                                                               \
            errno = ENOSPC;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        ssize_t result = halved ? real half : real arguments;                                                          \
        if (fate == PASS_THEN_END || fate == HALF_THEN_END) end();                                                     \
        return result;                                                                                                 \
    }

/* An opening: `make` where a file may come to be or be written to, else `open`. */
#define OPENING(function, parameters, arguments, from)                                                                 \
    int function parameters {                                                                                          \
        REAL(function);                                                                                                \
        char path[PATH_MAX];                                                                                           \
        mode_t mode = 0;                                                                                               \
        if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                                                   \
            va_list rest;                                                                                              \
            va_start(rest, flags);                                                                                     \
            mode = va_arg(rest, mode_t);                                                                               \
            va_end(rest);                                                                                              \
        }                                                                                                              \
        int changes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;                                \
        enum fate fate = met(changes ? "make" : "open", named(path, from, file));                                      \
        if (fate == FAIL) return -1;                                                                                   \
        int result = real arguments;                                                                                   \
        if (fate == PASS_THEN_END) end();                                                                              \
        return result;                                                                                                 \
    }

OPENING(open, (const char *file, int flags, ...), (file, flags, mode), AT_FDCWD)
OPENING(open64, (const char *file, int flags, ...), (file, flags, mode), AT_FDCWD)
OPENING(openat, (int from, const char *file, int flags, ...), (from, file, flags, mode), from)
OPENING(openat64, (int from, const char *file, int flags, ...), (from, file, flags, mode), from)
WHOLE(creat, (const char *file, mode_t mode), (file, mode), "make", named(path, AT_FDCWD, file))
WHOLE(creat64, (const char *file, mode_t mode), (file, mode), "make", named(path, AT_FDCWD, file))

PARTIAL(write, (int fd, const void *bytes, size_t count), (fd, bytes, count), (fd, bytes, count / 2), "write")
PARTIAL(pwrite, (int fd, const void *bytes, size_t count, off_t place), (fd, bytes, count, place),
        (fd, bytes, count / 2, place), "write")
PARTIAL(pwrite64, (int fd, const void *bytes, size_t count, off64_t place), (fd, bytes, count, place),
        (fd, bytes, count / 2, place), "write")
PARTIAL(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), (fd, parts, count / 2), "write")
PARTIAL(read, (int fd, void *bytes, size_t count), (fd, bytes, count), (fd, bytes, count / 2), "read")
PARTIAL(pread, (int fd, void *bytes, size_t count, off_t place), (fd, bytes, count, place),
        (fd, bytes, count / 2, place), "read")
PARTIAL(pread64, (int fd, void *bytes, size_t count, off64_t place), (fd, bytes, count, place),
        (fd, bytes, count / 2, place), "read")

WHOLE(rename, (const char *old, const char *new), (old, new), "rename", named(path, AT_FDCWD, new))
WHOLE(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), "rename", named(path, to, new))
WHOLE(renameat2, (int from, const char *old, int to, const char *new, unsigned flags), (from, old, to, new, flags), "rename",
      named(path, to, new))
WHOLE(link, (const char *old, const char *new), (old, new), "link", named(path, AT_FDCWD, new))
WHOLE(linkat, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags), "link",
      named(path, to, new))
WHOLE(unlink, (const char *file), (file), "unlink", named(path, AT_FDCWD, file))
WHOLE(unlinkat, (int from, const char *file, int flags), (from, file, flags), "unlink", named(path, from, file))
WHOLE(mkdir, (const char *file, mode_t mode), (file, mode), "mkdir", named(path, AT_FDCWD, file))
WHOLE(mkdirat, (int from, const char *file, mode_t mode), (from, file, mode), "mkdir", named(path, from, file))
WHOLE(rmdir, (const char *file), (file), "rmdir", named(path, AT_FDCWD, file))
WHOLE(fsync, (int fd), (fd), "sync", opened(path, fd))
WHOLE(fdatasync, (int fd), (fd), "sync", opened(path, fd))
WHOLE(ftruncate, (int fd, off_t size), (fd, size), "cut", opened(path, fd))
WHOLE(ftruncate64, (int fd, off64_t size), (fd, size), "cut", opened(path, fd))
