/* A model of a disk that loses everything that was not synced: loaded before the C library, it
 * keeps a copy of what every fsync makes durable. A file's content is durable by an fsync of the
 * file, its name by an fsync of its folder; POSIX promises no more.
 *
 * PLATTER     folder for the copies: files/ID and dirs/ID
 * PLATTER_OF  only what lies below this path
 *
 * ID = inode-seconds-nanoseconds of birth, since inodes are used again. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int identify(int at, const char *path, char *id, size_t room, mode_t *mode) {
    struct statx s;
    int flags = AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH);
    if (statx(at, path, flags, STATX_INO | STATX_BTIME | STATX_TYPE, &s)) return -1;
    snprintf(id, room, "%llu-%lld-%u", (unsigned long long)s.stx_ino,
             (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
    *mode = s.stx_mode;
    return 0;
}

static void copy_content(int from, int to, off_t size) {
    char buffer[1 << 16];
    off_t at = 0;
    while (at < size && (at = lseek(from, at, SEEK_DATA)) >= 0) {
        off_t end = lseek(from, at, SEEK_HOLE);
        while (at < end) {
            size_t want = end - at < (off_t)sizeof buffer ? (size_t)(end - at) : sizeof buffer;
            ssize_t got = pread(from, buffer, want, at);
            if (got <= 0 || pwrite(to, buffer, got, at) != got) return;
            at += got;
        }
    }
    if (ftruncate(to, size)) return;
}

static void list_folder(int fd, FILE *to) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char id[96];
        mode_t mode;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (identify(dirfd(folder), entry->d_name, id, sizeof id, &mode)) continue;
        fprintf(to, "%s\t%s\t%s\n", S_ISDIR(mode) ? "dir" : "file", id, entry->d_name);
    }
    closedir(folder);
}

static void keep(int fd) {
    const char *platter = getenv("PLATTER"), *of = getenv("PLATTER_OF");
    char link[64], path[4096], id[96], draft[4352], final[4352];
    mode_t mode;
    if (!platter || !of) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    if (strncmp(path, of, strlen(of)) || identify(fd, "", id, sizeof id, &mode)) return;
    const char *kind = S_ISDIR(mode) ? "dirs" : "files";
    snprintf(final, sizeof final, "%s/%s/%s", platter, kind, id);
    snprintf(draft, sizeof draft, "%s/draft-%ld", platter, syscall(SYS_gettid));
    if (S_ISDIR(mode)) {
        FILE *to = fopen(draft, "w");
        if (!to) return;
        list_folder(fd, to);
        fclose(to);
    } else {
        int from = open(link, O_RDONLY);
        int to = open(draft, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        struct stat s;
        if (from >= 0 && to >= 0 && !fstat(from, &s)) copy_content(from, to, s.st_size);
        if (from >= 0) close(from);
        if (to >= 0) close(to);
    }
    rename(draft, final);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    if (!result) keep(fd);
    return result;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    if (!result) keep(fd);
    return result;
}
