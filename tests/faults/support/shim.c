/*
 * Stands between SQLite and the C library (LD_PRELOAD): records what a program does to the files under a
 * directory, in order, and makes chosen calls on them fail. Linux with glibc only. See shim.ts.
 *
 * FAULTS_ROOT       the directory, as realpath gives it
 * FAULTS_CONTROL    the faults: a file of FAULTS slots of struct fault, changed by the test while this runs
 * FAULTS_RECORDING  the recording; absent: nothing is recorded
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NO_SPACE, WRITE_ERROR, SYNC_ERROR, READ_ERROR, READ_ONLY, KILL, FAULTS };

/* The kinds of files, as bits of fault.files. */
enum { DATABASE = 1, LOG = 2, INDEX = 4, JOURNAL = 8, DIRECTORY = 16 };

struct fault {
  /* How often the call fails from now on; -1: always. */
  _Atomic int32_t times;
  /* What passes before that: bytes of growth for NO_SPACE, calls for the others. */
  _Atomic uint32_t after;
  _Atomic uint32_t files;
  /* How often it has failed. */
  _Atomic uint32_t hits;
};

/* The recording is a row of these; NAME and WRITE are followed by `length` bytes. Known to disk.ts. */
enum { NAME = 1, CREATE, WRITE, TRUNCATE, SYNC, UNLINK, NOT_FOLLOWED };
struct record {
  uint32_t operation;
  uint32_t file;
  uint64_t offset;
  uint64_t length;
};

#define MAX_FDS 4096
#define MAX_NAMES 64

struct tracked {
  uint32_t kind; /* 0: not ours */
  uint32_t file;
};

static struct tracked fds[MAX_FDS];
static char *names[MAX_NAMES];
static char root[4096];
static size_t root_length;
static struct fault *faults;
static int recording = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void give_up(const char *why) {
  fprintf(stderr, "fault shim: %s: %s\n", why, strerror(errno));
  abort();
}

#define REAL(name)                                                          \
  static __typeof__(name) *real;                                            \
  if (real == NULL && (real = dlsym(RTLD_NEXT, #name)) == NULL) give_up(#name)

static int open_untracked(const char *path, int flags) {
  REAL(open);
  return real(path, flags, 0600);
}

__attribute__((constructor)) static void begin(void) {
  const char *directory = getenv("FAULTS_ROOT"), *control = getenv("FAULTS_CONTROL");
  const char *record = getenv("FAULTS_RECORDING");
  if (directory == NULL || control == NULL || strlen(directory) >= sizeof root) give_up("settings");
  int fd = open_untracked(control, O_RDWR | O_CLOEXEC);
  if (fd < 0) give_up(control);
  REAL(mmap);
  faults = real(NULL, FAULTS * sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (faults == MAP_FAILED) give_up(control);
  if (record != NULL) {
    recording = open_untracked(record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC);
    if (recording < 0) give_up(record);
  }
  root_length = strlen(strcpy(root, directory));
}

static void append(uint32_t operation, uint32_t file, uint64_t offset, const void *bytes, size_t length) {
  REAL(writev);
  if (recording < 0) return;
  struct record head = {operation, file, offset, length};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, bytes == NULL ? 0 : length}};
  ssize_t whole = (ssize_t)(parts[0].iov_len + parts[1].iov_len);
  if (real(recording, parts, 2) != whole) give_up("recording");
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The kind of the file at a path, and where its name begins; 0: not ours. */
static uint32_t kind_of(const char *path, const char **name) {
  if (root_length == 0 || path == NULL || strncmp(path, root, root_length) != 0) return 0;
  if (path[root_length] == '\0') {
    *name = "";
    return DIRECTORY;
  }
  if (path[root_length] != '/') return 0;
  *name = path + root_length + 1;
  if (ends_with(path, "-wal")) return LOG;
  if (ends_with(path, "-shm")) return INDEX;
  if (ends_with(path, "-journal")) return JOURNAL;
  return DATABASE;
}

static uint32_t file_of(const char *name) {
  for (uint32_t file = 0; file < MAX_NAMES; file++) {
    if (names[file] == NULL) {
      names[file] = strdup(name);
      append(NAME, file, 0, name, strlen(name));
      return file;
    }
    if (strcmp(names[file], name) == 0) return file;
  }
  errno = ENFILE;
  give_up("names");
  return 0;
}

static bool fails(int which, uint32_t kind) {
  struct fault *fault = &faults[which];
  if (fault->times == 0 || (fault->files & kind) == 0) return false;
  if (fault->after > 0) {
    fault->after--;
    return false;
  }
  if (fault->times > 0) fault->times--;
  fault->hits++;
  return true;
}

/*
 * The index of the log (-shm) is written through memory and made anew after a crash: never recorded. What
 * kills the process does so here, where everything that was done is recorded.
 */
static void record(struct tracked to, uint32_t operation, uint64_t offset, const void *bytes, size_t length) {
  if (to.kind != INDEX) append(operation, to.file, offset, bytes, length);
  if (fails(KILL, to.kind)) kill(getpid(), SIGKILL);
}

static int failure(int error) { return errno = error, -1; }

/* How much of a write fits; a full disk takes the part for which there is room. */
static size_t room_for(struct tracked to, int fd, size_t count, off_t offset) {
  struct fault *fault = &faults[NO_SPACE];
  if (fault->times == 0 || (fault->files & to.kind) == 0) return count;
  struct stat now;
  if (fstat(fd, &now) != 0) give_up("fstat");
  off_t end = offset + (off_t)count;
  if (end <= now.st_size) return count;
  off_t from = offset > now.st_size ? offset : now.st_size;
  size_t growth = (size_t)(end - from), after = fault->after;
  if (growth <= after) {
    fault->after -= growth;
    return count;
  }
  if (from + (off_t)after > offset && after > 0) {
    fault->after = 0;
    return (size_t)(from + (off_t)after - offset);
  }
  return fails(NO_SPACE, to.kind) ? 0 : count;
}

static struct tracked tracked(int fd) {
  return fd >= 0 && fd < MAX_FDS ? fds[fd] : (struct tracked){0, 0};
}

static ssize_t tracked_pwrite(struct tracked to, int fd, const void *bytes, size_t count, off_t offset) {
  REAL(pwrite);
  if (fails(READ_ONLY, to.kind)) return failure(EROFS);
  if (fails(WRITE_ERROR, to.kind)) return failure(EIO);
  size_t room = room_for(to, fd, count, offset);
  if (room == 0 && count > 0) return failure(ENOSPC);
  ssize_t written = real(fd, bytes, room, offset);
  if (written > 0) record(to, WRITE, (uint64_t)offset, bytes, (size_t)written);
  return written;
}

static int tracked_truncate(struct tracked to, int fd, off_t length) {
  REAL(ftruncate);
  if (fails(READ_ONLY, to.kind)) return failure(EROFS);
  if (fails(WRITE_ERROR, to.kind)) return failure(EIO);
  int result = real(fd, length);
  if (result == 0) record(to, TRUNCATE, (uint64_t)length, NULL, 0);
  return result;
}

static int tracked_open(int directory, const char *path, int flags, mode_t mode) {
  REAL(openat);
  const char *name;
  uint32_t kind = kind_of(path, &name);
  if (kind == 0) return real(directory, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat before;
  bool existed = stat(path, &before) == 0;
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  int fd = writes && fails(READ_ONLY, kind)                       ? failure(EROFS)
           : !existed && (flags & O_CREAT) && fails(NO_SPACE, kind) ? failure(ENOSPC)
                                                                    : real(directory, path, flags, mode);
  int error = errno;
  if (fd >= MAX_FDS) give_up("descriptors");
  if (fd >= 0) {
    struct tracked to = {kind, file_of(name)};
    fds[fd] = to;
    if (!existed) record(to, CREATE, 0, NULL, 0);
    if (flags & O_TRUNC) record(to, NOT_FOLLOWED, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

/* A call on a file of ours runs under the lock together with its record, so that the order is true. */
#define WITH_LOCK(type, call)     \
  pthread_mutex_lock(&lock);      \
  type result = call;             \
  int error = errno;              \
  pthread_mutex_unlock(&lock);    \
  errno = error;                  \
  return result

#define MODE_OF(flags, mode)                                       \
  mode_t mode = 0;                                                 \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                           \
    va_list rest;                                                  \
    va_start(rest, flags);                                         \
    mode = va_arg(rest, mode_t);                                   \
    va_end(rest);                                                  \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return tracked_open(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return tracked_open(directory, path, flags, mode);
}

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < MAX_FDS) fds[fd].kind = 0;
  return real(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL(pwrite);
  struct tracked to = tracked(fd);
  if (to.kind == 0) return real(fd, bytes, count, offset);
  WITH_LOCK(ssize_t, tracked_pwrite(to, fd, bytes, count, offset));
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
  REAL(pread);
  struct tracked from = tracked(fd);
  if (from.kind != 0 && fails(READ_ERROR, from.kind)) return failure(EIO);
  return real(fd, bytes, count, offset);
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  struct tracked to = tracked(fd);
  if (to.kind == 0) return real(fd, length);
  WITH_LOCK(int, tracked_truncate(to, fd, length));
}

static int tracked_sync(struct tracked to, int fd, int (*real)(int)) {
  /* As Linux does: what waits to be written is given up, and the next sync knows nothing of it. */
  bool fault = fails(SYNC_ERROR, to.kind);
  int result = fault ? failure(EIO) : real(fd);
  int error = errno;
  record(to, SYNC, result == 0 ? 0 : (uint64_t)error, NULL, 0);
  errno = error;
  return result;
}

#define SYNC_CALL(name)                         \
  int name(int fd) {                            \
    REAL(name);                                 \
    struct tracked to = tracked(fd);            \
    if (to.kind == 0) return real(fd);          \
    WITH_LOCK(int, tracked_sync(to, fd, real)); \
  }
SYNC_CALL(fsync)
SYNC_CALL(fdatasync)

static int tracked_unlink(struct tracked at, const char *path, int (*real)(const char *)) {
  if (fails(READ_ONLY, at.kind)) return failure(EROFS);
  int result = real(path);
  if (result == 0) record(at, UNLINK, 0, NULL, 0);
  return result;
}

int unlink(const char *path) {
  REAL(unlink);
  const char *name;
  uint32_t kind = kind_of(path, &name);
  if (kind == 0) return real(path);
  pthread_mutex_lock(&lock);
  struct tracked at = {kind, file_of(name)};
  int result = tracked_unlink(at, path, real);
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

/*
 * Other ways to change a file, which SQLite as Bun builds it does not take. Should that change, the
 * recording says so, and the tests fail rather than believe an incomplete one.
 */
static void not_followed(struct tracked to) {
  if (to.kind == 0) return;
  pthread_mutex_lock(&lock);
  record(to, NOT_FOLLOWED, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL(write);
  not_followed(tracked(fd));
  return real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  not_followed(tracked(fd));
  return real(fd, parts, count);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  REAL(fallocate);
  not_followed(tracked(fd));
  return real(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  REAL(posix_fallocate);
  not_followed(tracked(fd));
  return real(fd, offset, length);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  REAL(mmap);
  if ((flags & MAP_SHARED) && (protection & PROT_WRITE)) not_followed(tracked(fd));
  return real(address, length, protection, flags, fd, offset);
}

static void moved(const char *from, const char *to) {
  const char *name;
  const char *ours = kind_of(from, &name) != 0 ? from : kind_of(to, &name) != 0 ? to : NULL;
  if (ours == NULL) return;
  pthread_mutex_lock(&lock);
  append(NOT_FOLLOWED, file_of(name), 0, NULL, 0);
  pthread_mutex_unlock(&lock);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  moved(from, to);
  return real(from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  REAL(renameat);
  moved(from, to);
  return real(from_directory, from, to_directory, to);
}

int unlinkat(int directory, const char *path, int flags) {
  REAL(unlinkat);
  moved(path, path);
  return real(directory, path, flags);
}

/* The names under which programs built for large files know the same calls. */
#define ALSO(name) __attribute__((alias(#name)))
int open64(const char *, int, ...) ALSO(open);
int openat64(int, const char *, int, ...) ALSO(openat);
ssize_t pwrite64(int, const void *, size_t, off64_t) ALSO(pwrite);
ssize_t pread64(int, void *, size_t, off64_t) ALSO(pread);
int ftruncate64(int, off64_t) ALSO(ftruncate);
int fallocate64(int, int, off64_t, off64_t) ALSO(fallocate);
int posix_fallocate64(int, off64_t, off64_t) ALSO(posix_fallocate);
void *mmap64(void *, size_t, int, int, int, off64_t) ALSO(mmap);
