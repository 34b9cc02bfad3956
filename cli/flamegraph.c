/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page is flamegraph.html.in with its style and script, embedded at build
 * time, around the profile as JSON. In that no byte can end the element it is
 * in: <, > and & are escaped, names went through text_printable() before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call_tree.h"
#include "cli/flamegraph.h"
#include "cli/flamegraph_page.h"
#include "cli/intern.h"
#include "cli/text.h"
#include "common/log.h"

enum {
	MAX_NAME_COLUMNS = 1000,
	MAX_FUNCTIONS = 1000, /* in the page's table, by self and by total */
	MAX_SHARES = 64,
	NANOS_PER_MS = 1000000,
};

struct page {
	FILE *out;
	const struct profile *profile;
	const struct frames *frames;
	const struct call_tree *tree;
	uint32_t *order;       /* nodes: siblings together, largest first */
	uint32_t *first_child; /* of a node: where in order; 0: none */
	uint8_t *left;         /* of a node: it is left out */
	uint32_t left_out;
	uint32_t *number; /* of a frame in the page, PROFILE_NONE: not in it */
	PROFILE_ARRAY(uint32_t, used); /* frames by that number */
	const struct function_sum **function;
	uint32_t functions;
	struct intern files;
	PROFILE_ARRAY(uint32_t, file); /* a frame of each of them */
};

/* What the code of one file and kind took itself. */
struct share {
	uint32_t frame; /* one of it */
	int64_t self;
};

/* Text as a JSON string that is safe inside a script element. */
static void
put_string(FILE *out, const char *text)
{
	char *fit = text_fit(text, MAX_NAME_COLUMNS);

	fputc('"', out);
	for (const char *s = fit; *s != '\0'; s++) {
		if (strchr("\"\\<>&", *s) != NULL || (unsigned char)*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
	free(fit);
}

static void
put_printable(FILE *out, struct profile_string s)
{
	char *text = text_printable(s);

	put_string(out, text);
	free(text);
}

/* By parent, then largest first, then by name. */
static int
by_parent(const void *a, const void *b, void *arg)
{
	const struct page *page = arg;
	const struct tree_node *x = &page->tree->node[*(const uint32_t *)a];
	const struct tree_node *y = &page->tree->node[*(const uint32_t *)b];

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(page->frames->frame[x->frame].name,
	    page->frames->frame[y->frame].name);
}

static void
sort_nodes(struct page *page)
{
	const struct call_tree *t = page->tree;

	page->order = ecalloc(t->node_count, sizeof(*page->order));
	page->first_child = ecalloc(t->node_count, sizeof(uint32_t));
	for (uint32_t i = 0; i < t->node_count; i++)
		page->order[i] = i;
	/* the root stays at 0: it is nobody's child */
	qsort_r(page->order + 1, t->node_count - 1, sizeof(*page->order),
	    by_parent, page);
	for (uint32_t i = t->node_count - 1; i > 0; i--)
		page->first_child[t->node[page->order[i]].parent] = i;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x > *y ? -1 : *x < *y;
}

/*
 * Leaves out the smallest. What stays is a tree: a parent is never smaller
 * than its child, and comes first among equals.
 */
static void
choose_nodes(struct page *page)
{
	const struct call_tree *t = page->tree;
	uint32_t room = FLAMEGRAPH_MAX_NODES;
	int64_t *totals, least;

	page->left = ecalloc(t->node_count, 1);
	if (t->node_count <= room)
		return;
	totals = ecalloc(t->node_count, sizeof(*totals));
	for (uint32_t i = 0; i < t->node_count; i++)
		totals[i] = t->node[i].total;
	qsort(totals, t->node_count, sizeof(*totals), by_size);
	least = totals[room - 1];
	free(totals);
	for (uint32_t i = 0; i < t->node_count; i++)
		room -= t->node[i].total > least;
	for (uint32_t i = 0; i < t->node_count; i++) {
		if (t->node[i].total == least && room > 0)
			room--;
		else if (t->node[i].total <= least)
			page->left[i] = 1;
		page->left_out += page->left[i];
	}
}

static uint32_t
use_frame(struct page *page, uint32_t frame)
{
	if (page->number[frame] == PROFILE_NONE) {
		page->number[frame] = page->used_count;
		*PROFILE_ADD(page, used) = frame;
	}
	return page->number[frame];
}

static void
put_node(struct page *page, uint32_t index, uint32_t depth)
{
	const struct tree_node *n = &page->tree->node[index];
	int frame = index == 0 ? -1 : (int)use_frame(page, n->frame);

	fprintf(page->out, "%s%u,%d,%lld,%lld", index == 0 ? "" : ",\n", depth,
	    frame, (long long)n->total, (long long)n->self);
}

/* The next sibling's place in order after at, 0 if there is none. */
static uint32_t
next_sibling(const struct page *page, uint32_t at)
{
	const struct call_tree *t = page->tree;

	if (at + 1 >= t->node_count || t->node[page->order[at + 1]].parent !=
					   t->node[page->order[at]].parent)
		return 0;
	return at + 1;
}

/* In preorder, without recursion: a stack may be deeper than ours. */
static void
put_nodes(struct page *page)
{
	struct {
		PROFILE_ARRAY(uint32_t, at); /* the path, as places in order */
	} path = { 0 };
	uint32_t at = page->first_child[0];

	fputs("\"nodes\":[", page->out);
	put_node(page, 0, 0);
	while (at != 0 || path.at_count > 0) {
		uint32_t node = page->order[at];

		if (at == 0) {
			at = next_sibling(page, path.at[--path.at_count]);
		} else if (page->left[node]) {
			at = next_sibling(page, at);
		} else {
			*PROFILE_ADD(&path, at) = at;
			put_node(page, node, path.at_count);
			at = page->first_child[node];
		}
	}
	fputs("],\n", page->out);
	free(path.at);
}

/* The hottest by self, then those only hot by total. */
static void
choose_functions(struct page *page)
{
	uint32_t n[2], count = 0;
	const struct function_sum **list[2];
	uint8_t *taken = ecalloc(page->tree->functions + 1, 1);

	page->function = ecalloc(2 * MAX_FUNCTIONS, sizeof(*page->function));
	for (int order = 0; order < 2; order++) {
		list[order] = call_tree_functions(
		    page->tree, page->frames, order, &n[order]);
		for (uint32_t i = 0; i < n[order] && i < MAX_FUNCTIONS; i++) {
			const struct function_sum *f = list[order][i];

			if (!taken[f - page->tree->function])
				page->function[count++] = f;
			taken[f - page->tree->function] = 1;
		}
		free(list[order]);
	}
	page->functions = count;
	fprintf(page->out, "\"functions_count\":%u,\n", n[0]);
	free(taken);
}

static void
put_functions(struct page *page)
{
	fputs("\"functions\":[", page->out);
	for (uint32_t i = 0; i < page->functions; i++) {
		const struct function_sum *f = page->function[i];

		fprintf(page->out, "%s[%u,%d,%lld,%lld]", i > 0 ? ",\n" : "",
		    use_frame(page, f->frame), f->several, (long long)f->self,
		    (long long)f->total);
	}
	fputs("],\n", page->out);
}

static uint32_t
use_file(struct page *page, uint32_t frame)
{
	const char *name = page->frames->frame[frame].file;
	bool added;
	uint32_t number = intern(&page->files, name, strlen(name), &added);

	if (added)
		*PROFILE_ADD(page, file) = frame;
	return number;
}

static int
by_share(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return x->frame < y->frame ? -1 : 1;
}

/* Self time by file and kind, over all nodes; the caller frees *shares. */
static uint32_t
sum_shares(const struct page *page, struct share **shares)
{
	const struct call_tree *t = page->tree;
	struct intern keys = { 0 };
	struct {
		PROFILE_ARRAY(struct share, share);
	} all = { 0 };

	for (uint32_t i = 1; i < t->node_count; i++) {
		const struct tree_node *n = &t->node[i];
		const struct frame *f = &page->frames->frame[n->frame];
		char *key;
		bool added;
		uint32_t at;

		if (n->self == 0)
			continue;
		if (asprintf(&key, "%d%s", f->kind, f->file) < 0)
			fatalx("out of memory");
		at = intern(&keys, key, strlen(key), &added);
		free(key);
		if (added)
			*PROFILE_ADD(&all, share) =
			    (struct share){ .frame = n->frame };
		all.share[at].self += n->self;
	}
	intern_fini(&keys);
	*shares = all.share;
	return all.share_count;
}

static void
put_shares(struct page *page)
{
	struct share *shares;
	uint32_t n = sum_shares(page, &shares);

	if (n > 0)
		qsort(shares, n, sizeof(*shares), by_share);
	fputs("\"shares\":[", page->out);
	for (uint32_t i = 0; i < n && i < MAX_SHARES; i++)
		fprintf(page->out, "%s[%u,%d,%lld]", i > 0 ? "," : "",
		    use_file(page, shares[i].frame),
		    page->frames->frame[shares[i].frame].kind,
		    (long long)shares[i].self);
	fputs("],\n", page->out);
	free(shares);
}

/* Frames that nodes and functions refer to. */
static void
put_frames(struct page *page)
{
	fputs("\"frames\":[", page->out);
	for (uint32_t i = 0; i < page->used_count; i++) {
		const struct frame *f = &page->frames->frame[page->used[i]];

		fputs(i > 0 ? ",\n[" : "[", page->out);
		put_string(page->out, f->name);
		fprintf(page->out, ",%u,%d]", use_file(page, page->used[i]),
		    f->kind);
	}
	fputs("],\n", page->out);
}

static void
put_files(struct page *page)
{
	fputs("\"files\":[", page->out);
	for (uint32_t i = 0; i < page->file_count; i++) {
		fputs(i > 0 ? ",\n" : "", page->out);
		put_string(page->out, page->frames->frame[page->file[i]].file);
	}
	fputs("]}", page->out);
}

static void
put_head(const struct page *page, const char *title)
{
	const struct profile *p = page->profile;

	fputs("{\"title\":", page->out);
	put_printable(
	    page->out, (struct profile_string){ title, strlen(title) });
	fputs(",\"type\":", page->out);
	put_printable(page->out, profile_string(p, p->types[p->type].type));
	fputs(",\"unit\":", page->out);
	put_printable(page->out, profile_string(p, p->types[p->type].unit));
	fprintf(page->out,
	    ",\n\"weight\":%lld,\"start\":%lld,\"duration\":%lld,"
	    "\"negative\":%u,\"left_out\":%u,\n\"comments\":[",
	    (long long)profile_weight(p),
	    (long long)p->time_nanos / NANOS_PER_MS,
	    (long long)p->duration_nanos, page->tree->negative, page->left_out);
	for (uint32_t i = 0; i < p->comments_count; i++) {
		fputs(i > 0 ? "," : "", page->out);
		put_printable(page->out, profile_string(p, p->comments[i]));
	}
	fputs("],\n", page->out);
}

static void
put_page(struct page *page, const char *title)
{
	fwrite(page_head, 1, sizeof(page_head), page->out);
	put_head(page, title);
	put_nodes(page);
	choose_functions(page);
	put_functions(page);
	put_shares(page);
	put_frames(page);
	put_files(page);
	fwrite(page_tail, 1, sizeof(page_tail), page->out);
}

int
flamegraph_write(FILE *out, const struct profile *profile, const char *title)
{
	struct frames *frames = frames_new(profile);
	struct page page = { .out = out,
		.profile = profile,
		.frames = frames,
		.tree = call_tree_new(frames) };
	size_t size = frames->frame_count * sizeof(uint32_t);

	page.number = ecalloc(1, size + 1);
	memset(page.number, 0xff, size);
	sort_nodes(&page);
	choose_nodes(&page);
	put_page(&page, title);
	intern_fini(&page.files);
	free(page.order);
	free(page.first_child);
	free(page.left);
	free(page.number);
	free(page.used);
	free(page.file);
	free(page.function);
	call_tree_free((struct call_tree *)page.tree);
	frames_free(frames);
	if (fflush(out) != 0 || ferror(out))
		return errno != 0 ? -errno : -EIO;
	return 0;
}
