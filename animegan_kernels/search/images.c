/* Images of an index by their ids. */
#include "index.h"

enum { LANES = 16 };

/* Where the id stands, or where it would; ids that do not ascend give some place. */
static int64_t place_of(const int64_t *ids, int64_t count, int64_t id) {
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (ids[middle] < id) low = middle + 1;
        else high = middle;
    }
    return low;
}

static const shard *shard_of(const ssim_index *index, int64_t id) {
    size_t low = 0, high = index->shard_count - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (index->shards[middle].ids[index->shards[middle].record->count - 1] < id) low = middle + 1;
        else high = middle;
    }
    return &index->shards[low];
}

/* The row of an id in its shard; -1 where there is none, or where its image was removed. */
static int64_t find(const ssim_index *index, int64_t id, const shard **in) {
    const shard *s = *in = shard_of(index, id);
    const int64_t row = place_of(s->ids, s->record->count, id);
    const bool there = row < s->record->count && s->ids[row] == id && (!s->alive || s->alive[row]);
    return there ? row : -1;
}

bool index_has(const ssim_index *index, const int64_t *ids, int64_t count, failure *why) {
    const shard *in;
    for (int64_t i = 0; i < count; i++)
        if (find(index, ids[i], &in) < 0)
            return fails(why, NOT_SERVED, "%s holds no image %lld", index->manifest.name->text, (long long)ids[i]);
    return true;
}

/* Takes an image out of its tile: [C, H, W, 16] less 128 becomes [H, W, C]. */
static void unpack(const references *from, int64_t row, uint8_t *to) {
    const size_t pixels = (size_t)from->height * (size_t)from->width, channels = (size_t)from->channels;
    const int8_t *lane = from->tiles + (size_t)(row / LANES) * channels * pixels * LANES + row % LANES;
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < pixels; p++) to[p * channels + c] = (uint8_t)(lane[(c * pixels + p) * LANES] ^ 0x80);
}

int64_t index_image_bytes(const ssim_index *index) {
    return index->manifest.shape[0] * index->manifest.shape[1] * index->manifest.shape[2];
}

void index_images(const ssim_index *index, const int64_t *ids, int64_t count, uint8_t *to) {
    for (int64_t i = 0; i < count; i++, to += index_image_bytes(index)) {
        const shard *in;
        const int64_t row = find(index, ids[i], &in);
        if (row >= 0) unpack(&in->references, row, to);
    }
}
