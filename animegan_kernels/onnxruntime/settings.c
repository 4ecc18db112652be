#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The activations of eight images fit the processor's caches: a batch of 64 of the 64x64 StyleGAN2
 * in slices of 8 takes 2.1 ms an image and 88 MB, at once 2.9 ms and 218 MB (one thread, AVX2).
 * Where requests choose the size, one image can fill all caches, and even small ones gain nothing
 * from company: waifu2x's upconv7 takes 12.7 ms for one of 32x32 pixels, 12.8 ms each for 8. */
enum { IMAGES_AT_A_TIME = 8 };

static bool says(char complaint[COMPLAINT_BYTES], const char *what, const char *where) {
    snprintf(complaint, COMPLAINT_BYTES, "the model's configuration: %s%s%.200s", what, where ? ": " : "",
             where ? where : "");
    return false;
}

/* Text that C can hold; NULL where it is missing, empty, or has a zero inside. */
static const char *plain_text(const json *object, const char *name) {
    const json *value = json_member(object, name);
    if (!value || value->kind != JSON_STRING || !value->length) return NULL;
    return strlen(value->text) == value->length ? value->text : NULL;
}

static const char *parameter(const json *config, const char *name) {
    return plain_text(json_member(json_member(config, "parameters"), name), "string_value");
}

static bool is_one(const char *text) { return text && strcmp(text, "1") == 0; }

static bool read_sizes(tensor_setting *tensor, const json *tensors, char complaint[COMPLAINT_BYTES]) {
    const json *sizes = json_member(tensors, "dims");
    if (!sizes || sizes->kind != JSON_ARRAY) return says(complaint, "a tensor without dims", tensor->name);
    for (const json *size = sizes->first; size; size = size->next) {
        if (size->kind != JSON_INTEGER) return says(complaint, "dims that are no numbers", tensor->name);
        tensor->any_size = tensor->any_size || size->integer < 0;
    }
    return true;
}

static bool read_tensor(tensor_setting *tensor, const json *from, char complaint[COMPLAINT_BYTES]) {
    tensor->name = plain_text(from, "name");
    if (!tensor->name) return says(complaint, "a tensor without a name", NULL);
    const char *type = plain_text(from, "data_type");
    if (type && strcmp(type, "TYPE_STRING") == 0)
        return says(complaint, "TYPE_STRING is not served, only types of a fixed size", tensor->name);
    tensor->type = type ? element_type_named(type) : NULL;
    if (!tensor->type) return says(complaint, "an unknown data_type", tensor->name);
    const json *optional = json_member(from, "optional");
    tensor->optional = optional && optional->kind == JSON_BOOL && optional->truth;
    return read_sizes(tensor, from, complaint);
}

static bool read_tensors(const json *from, tensor_setting **tensors, size_t *count, char complaint[COMPLAINT_BYTES]) {
    if (!from || from->kind != JSON_ARRAY || !from->count || from->count > MOST_TENSORS)
        return says(complaint, "1 to 256 inputs and as many outputs are served", NULL);
    *tensors = calloc(from->count, sizeof **tensors);
    if (!*tensors) return says(complaint, "no memory", NULL);
    *count = from->count;
    tensor_setting *tensor = *tensors;
    for (const json *each = from->first; each; each = each->next, tensor++)
        if (!read_tensor(tensor, each, complaint)) return false;
    return true;
}

/* Nothing but a name: what lies elsewhere has no card. */
static bool read_file_name(settings *s, const json *config, char complaint[COMPLAINT_BYTES]) {
    const char *name = plain_text(config, "default_model_filename");
    s->file_name = name ? name : "model.onnx";
    if (!strchr(s->file_name, '/')) return true;
    return says(complaint, "default_model_filename must lie in the version's folder", s->file_name);
}

static bool read_threads(settings *s, const json *config, char complaint[COMPLAINT_BYTES]) {
    const char *text = parameter(config, "intra_op_thread_count");
    char *end = NULL;
    errno = 0;
    const long threads = text ? strtol(text, &end, 10) : 1;
    if (text && (errno || *end || end == text || threads < 0 || threads > MOST_THREADS))
        return says(complaint, "intra_op_thread_count must be 0 to 1024", text);
    s->threads = (int)threads;
    return true;
}

static void read_batches(settings *s, const json *config) {
    const json *largest = json_member(config, "max_batch_size");
    s->batches = largest && largest->kind == JSON_INTEGER && largest->integer > 0;
    bool any_size = false;
    for (size_t i = 0; i < s->input_count; i++) any_size = any_size || s->inputs[i].any_size;
    s->rows_at_a_time = any_size ? 1 : IMAGES_AT_A_TIME;
}

static bool read_card(settings *s, const json *config, uint64_t version, char complaint[COMPLAINT_BYTES]) {
    char name[sizeof "model_card_" + 20];
    snprintf(name, sizeof name, "model_card_%" PRIu64, version);
    const json *text = json_member(json_member(json_member(config, "parameters"), name), "string_value");
    if (!text) return true;
    const char *why = "it is no text";
    s->card = text->kind == JSON_STRING ? json_read(text->text, text->length, &why) : NULL;
    if (s->card) return true;
    return says(complaint, "the model card cannot be read", why);
}

static bool read_all(settings *s, const json *config, uint64_t version, char complaint[COMPLAINT_BYTES]) {
    if (!read_tensors(json_member(config, "input"), &s->inputs, &s->input_count, complaint) ||
        !read_tensors(json_member(config, "output"), &s->outputs, &s->output_count, complaint) ||
        !read_file_name(s, config, complaint) || !read_threads(s, config, complaint) ||
        !read_card(s, config, version, complaint))
        return false;
    read_batches(s, config);
    s->mem_arena = is_one(parameter(config, "enable_mem_arena"));
    s->native_convolutions = is_one(parameter(config, "native_convolutions"));
    return true;
}

bool settings_read(settings *s, const char *text, size_t length, uint64_t version, char complaint[COMPLAINT_BYTES]) {
    const char *why = NULL;
    *s = (settings){.config = json_read(text, length, &why)};
    if (!s->config) return says(complaint, "it is no JSON", why);
    if (read_all(s, json_root(s->config), version, complaint)) return true;
    settings_free(s);
    return false;
}

void settings_free(settings *s) {
    free(s->inputs);
    free(s->outputs);
    if (s->card) json_free(s->card);
    if (s->config) json_free(s->config);
    *s = (settings){0};
}

const char *settings_digest(const settings *s, const char *file_name) {
    return plain_text(json_member(json_member(json_root(s->card), "files"), file_name), "sha256");
}
