/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file with a password, a token, a certificate or a key. It is read again
 * for every request, so that a rotated one is used at once; a file that only
 * root may read is read through the descriptor that was opened before
 * privilege was dropped.
 */
#ifndef SHIPPER_SECRET_FILE_H
#define SHIPPER_SECRET_FILE_H

/* Longer files are refused. */
#define SECRET_FILE_MAX_BYTES (1024 * 1024)

struct secret_file {
	const char *what; /* "read bearer token file", for messages */
	const char *path; /* NULL: there is none */
	int fd;           /* of the file as it was at first, or -1 */
};

/*
 * Opens path (NULL or "": there is none) and reads it once. what and path
 * must outlive it. 0, or -errno and a text in *why (to be freed);
 * secret_file_fini() is due either way.
 */
int secret_file_init(
    struct secret_file *f, const char *what, const char *path, char **why);
void secret_file_fini(struct secret_file *f);

/*
 * What is in it now, NULL if there is none; to be freed by text_free_secret().
 * 0, or -errno and a text in *why (to be freed).
 */
int secret_file_read(const struct secret_file *f, char **text, char **why);

#endif
