/* See memory_vfs.h. Single-threaded, one opener a file: enough for a store that locks exclusively. */
#include "memory_vfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 8
#define SECTOR    512

/* A write or (data NULL) a truncation that has not been synced. */
struct pending {
        struct pending *next;
        size_t offset, size;
        unsigned char *data;
};

struct image {
        unsigned char *bytes;
        size_t size;
};

struct disk_file {
        char path[128];
        bool exists;
        struct image now, durable;
        struct pending *pending, **pending_end;
};

struct handle {
        sqlite3_file base;
        struct disk_file *file;
};

static struct disk_file files[FILES_MAX];
static enum disk_fault fault;
static size_t fault_at, operations;
static sqlite3_vfs vfs;

static void image_write(struct image *image, size_t offset, const void *data, size_t size)
{
        if (offset + size > image->size) {
                image->bytes = realloc(image->bytes, offset + size);
                memset(image->bytes + image->size, 0, offset + size - image->size);
                image->size = offset + size;
        }
        memcpy(image->bytes + offset, data, size);
}

static void image_truncate(struct image *image, size_t size)
{
        if (size < image->size)
                image->size = size;
}

static void forget_pending(struct disk_file *file)
{
        for (struct pending *p = file->pending, *next; p; p = next) {
                next = p->next;
                free(p->data);
                free(p);
        }
        file->pending = NULL;
        file->pending_end = &file->pending;
}

static void copy_image(struct image *to, const struct image *from)
{
        to->size = 0;
        if (from->size)
                image_write(to, 0, from->bytes, from->size);
}

static void remember(struct disk_file *file, size_t offset, const void *data, size_t size)
{
        struct pending *p = calloc(1, sizeof(*p));

        *p = (struct pending){.offset = offset, .size = size};
        if (data) {
                p->data = malloc(size);
                memcpy(p->data, data, size);
        }
        *file->pending_end = p;
        file->pending_end = &p->next;
}

enum operation { OPERATION_WRITE, OPERATION_GROW, OPERATION_SYNC };

/* Counts an operation and says how it ends. */
static int operate(enum operation operation)
{
        bool counts = fault != DISK_SYNC_ERROR_ONCE || operation == OPERATION_SYNC;
        size_t number = counts ? operations++ : SIZE_MAX;

        switch (fault) {
        case DISK_POWER_CUT:
                return number >= fault_at ? SQLITE_IOERR : SQLITE_OK;
        case DISK_FULL:
                return number >= fault_at && operation == OPERATION_GROW ? SQLITE_FULL : SQLITE_OK;
        case DISK_ERROR_ONCE:
        case DISK_SYNC_ERROR_ONCE:
                return number == fault_at ? operation == OPERATION_SYNC ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE
                                          : SQLITE_OK;
        default:
                return SQLITE_OK;
        }
}

static struct disk_file *file_of(sqlite3_file *handle)
{
        return ((struct handle *)handle)->file;
}

static int disk_close(sqlite3_file *handle)
{
        return SQLITE_OK;
}

static int disk_read(sqlite3_file *handle, void *buffer, int size, sqlite3_int64 offset)
{
        const struct image *image = &file_of(handle)->now;
        size_t have = offset < (sqlite3_int64)image->size ? image->size - offset : 0;

        if (have > (size_t)size)
                have = size;
        memset(buffer, 0, size);
        if (have)
                memcpy(buffer, image->bytes + offset, have);
        return have == (size_t)size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int disk_write(sqlite3_file *handle, const void *data, int size, sqlite3_int64 offset)
{
        struct disk_file *file = file_of(handle);
        int r = operate(offset + size > (sqlite3_int64)file->now.size ? OPERATION_GROW : OPERATION_WRITE);

        if (r != SQLITE_OK && fault == DISK_POWER_CUT && operations == fault_at + 1)
                remember(file, offset, data, size); /* the write during which the power goes may be torn */
        if (r != SQLITE_OK)
                return r;
        remember(file, offset, data, size);
        image_write(&file->now, offset, data, size);
        return SQLITE_OK;
}

static int disk_truncate(sqlite3_file *handle, sqlite3_int64 size)
{
        int r = operate(OPERATION_WRITE);

        if (r != SQLITE_OK)
                return r;
        remember(file_of(handle), size, NULL, 0);
        image_truncate(&file_of(handle)->now, size);
        return SQLITE_OK;
}

static int disk_sync(sqlite3_file *handle, int flags)
{
        struct disk_file *file = file_of(handle);
        int r = operate(OPERATION_SYNC);

        if (r != SQLITE_OK)
                return r;
        copy_image(&file->durable, &file->now);
        forget_pending(file);
        return SQLITE_OK;
}

static int disk_size(sqlite3_file *handle, sqlite3_int64 *size)
{
        *size = file_of(handle)->now.size;
        return SQLITE_OK;
}

static int disk_lock(sqlite3_file *handle, int lock)
{
        return SQLITE_OK;
}

static int disk_check_lock(sqlite3_file *handle, int *result)
{
        *result = 0;
        return SQLITE_OK;
}

static int disk_control(sqlite3_file *handle, int operation, void *argument)
{
        return SQLITE_NOTFOUND;
}

static int disk_sector(sqlite3_file *handle)
{
        return SECTOR;
}

static int disk_traits(sqlite3_file *handle)
{
        return 0;
}

static const sqlite3_io_methods methods = {
        .iVersion = 1, /* no shared memory: a store that locks exclusively needs none */
        .xClose = disk_close,
        .xRead = disk_read,
        .xWrite = disk_write,
        .xTruncate = disk_truncate,
        .xSync = disk_sync,
        .xFileSize = disk_size,
        .xLock = disk_lock,
        .xUnlock = disk_lock,
        .xCheckReservedLock = disk_check_lock,
        .xFileControl = disk_control,
        .xSectorSize = disk_sector,
        .xDeviceCharacteristics = disk_traits,
};

static struct disk_file *find_file(const char *path)
{
        for (size_t i = 0; i < FILES_MAX; i++)
                if (files[i].exists && strcmp(files[i].path, path) == 0)
                        return &files[i];
        return NULL;
}

static struct disk_file *make_file(const char *path)
{
        for (size_t i = 0; i < FILES_MAX; i++) {
                if (files[i].exists)
                        continue;
                files[i].exists = true;
                snprintf(files[i].path, sizeof(files[i].path), "%s", path);
                files[i].pending_end = &files[i].pending;
                return &files[i];
        }
        return NULL;
}

static int disk_open(sqlite3_vfs *unused, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
        struct handle *handle = (struct handle *)base;
        struct disk_file *file = path ? find_file(path) : NULL;

        base->pMethods = NULL;
        if (!file && path && (flags & SQLITE_OPEN_CREATE))
                file = make_file(path);
        if (!file)
                return SQLITE_CANTOPEN;
        handle->file = file;
        base->pMethods = &methods;
        if (out_flags)
                *out_flags = flags;
        return SQLITE_OK;
}

/* At once durable: a file system's journal keeps the order of names, and an old rollback journal that comes back is
 * another matter. */
static int disk_delete(sqlite3_vfs *unused, const char *path, int sync_directory)
{
        struct disk_file *file = find_file(path);
        int r = operate(OPERATION_WRITE);

        if (r != SQLITE_OK)
                return r;
        if (!file)
                return SQLITE_IOERR_DELETE_NOENT;
        forget_pending(file);
        free(file->now.bytes);
        free(file->durable.bytes);
        memset(file, 0, sizeof(*file));
        return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *unused, const char *path, int flags, int *result)
{
        *result = find_file(path) != NULL;
        return SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *unused, const char *path, int size, char *out)
{
        snprintf(out, size, "%s", path);
        return SQLITE_OK;
}

void disk_install(void)
{
        sqlite3_vfs *real = sqlite3_vfs_find(NULL);

        vfs = (sqlite3_vfs){
                .iVersion = 1,
                .szOsFile = sizeof(struct handle),
                .mxPathname = 120,
                .zName = "memory-disk",
                .xOpen = disk_open,
                .xDelete = disk_delete,
                .xAccess = disk_access,
                .xFullPathname = disk_full_path,
                .xRandomness = real->xRandomness,
                .xSleep = real->xSleep,
                .xCurrentTime = real->xCurrentTime,
        };
        sqlite3_vfs_register(&vfs, 1);
}

void disk_remove(void)
{
        sqlite3_vfs_unregister(&vfs);
        disk_format();
}

void disk_format(void)
{
        for (size_t i = 0; i < FILES_MAX; i++) {
                if (!files[i].exists)
                        continue;
                forget_pending(&files[i]);
                free(files[i].now.bytes);
                free(files[i].durable.bytes);
                memset(&files[i], 0, sizeof(files[i]));
        }
        disk_arm(DISK_FINE, 0);
}

void disk_arm(enum disk_fault which, size_t at)
{
        fault = which;
        fault_at = at;
        operations = 0;
}

size_t disk_operations(void)
{
        return operations;
}

/* A few kinds of cut: nothing unsynced arrived, all of it did, or any sectors in any order. */
static bool survives(unsigned seed)
{
        return seed % 4 == 0 ? false : seed % 4 == 1 ? true : rand() & 1;
}

void disk_power_cut(unsigned seed)
{
        srand(seed);
        for (size_t i = 0; i < FILES_MAX; i++) {
                struct disk_file *file = &files[i];

                if (!file->exists)
                        continue;
                for (struct pending *p = file->pending; p; p = p->next) {
                        if (!p->data && survives(seed))
                                image_truncate(&file->durable, p->offset);
                        for (size_t at = 0; p->data && at < p->size; at += SECTOR)
                                if (survives(seed))
                                        image_write(&file->durable, p->offset + at, p->data + at,
                                                    p->size - at < SECTOR ? p->size - at : SECTOR);
                }
                forget_pending(file);
                copy_image(&file->now, &file->durable);
        }
        disk_arm(DISK_FINE, 0);
}

void disk_scribble(const char *path, size_t offset, const void *bytes, size_t size)
{
        struct disk_file *file = find_file(path);

        image_write(&file->now, offset, bytes, size);
        copy_image(&file->durable, &file->now);
}

size_t disk_file_size(const char *path)
{
        struct disk_file *file = find_file(path);

        return file ? file->now.size : 0;
}
