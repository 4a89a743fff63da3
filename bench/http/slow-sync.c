/*
 * Makes every fsync and fdatasync take longer (LD_PRELOAD; Linux with glibc), as on a disk that has to write
 * before it answers. A virtual disk or one with power-loss protection answers in a tenth of a millisecond; a
 * usual SSD without it takes one to several.
 *
 * SLOW_SYNC_US  how much longer, in microseconds
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct timespec delay;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("SLOW_SYNC_US");
  long microseconds = text == NULL ? 0 : atol(text);
  delay.tv_sec = microseconds / 1000000;
  delay.tv_nsec = microseconds % 1000000 * 1000;
}

#define SLOW(name)                                                        \
  int name(int fd) {                                                      \
    static int (*real)(int);                                              \
    if (real == NULL && (real = dlsym(RTLD_NEXT, #name)) == NULL) {       \
      fprintf(stderr, "slow-sync: no " #name "\n");                       \
      abort();                                                            \
    }                                                                     \
    struct timespec rest = delay;                                         \
    while (nanosleep(&rest, &rest) != 0) continue;                        \
    return real(fd);                                                      \
  }

SLOW(fsync)
SLOW(fdatasync)
