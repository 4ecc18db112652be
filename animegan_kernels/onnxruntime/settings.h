/* What a model's configuration says of how it is loaded and run. */
#ifndef ANIMEGAN_ORT_SETTINGS_H
#define ANIMEGAN_ORT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "types.h"

enum { MOST_TENSORS = 256, MOST_THREADS = 1024, COMPLAINT_BYTES = 512 };

typedef struct {
    const char *name;
    const element_type *type;
    bool any_size; /* requests choose it */
    bool optional; /* the graph has a value for where it is left out */
} tensor_setting;

typedef struct {
    tensor_setting *inputs, *outputs; /* in the configuration's order */
    size_t input_count, output_count;
    const char *file_name;         /* of the graph, in the version's folder */
    bool batches;                  /* the first dimension is the batch */
    int64_t rows_at_a_time;        /* how much of a batch the graph gets in one run */
    int threads;                   /* 0: as many as there are cores */
    bool mem_arena;                /* keeps the memory of the largest run */
    bool native_convolutions;      /* where they are to be had */
    json_document *config, *card;  /* which hold the names; no card: NULL */
} settings;

/* Reads a configuration as Triton gives it, JSON. False: the complaint tells a person why; nothing is to be freed. */
bool settings_read(settings *s, const char *text, size_t length, uint64_t version, char complaint[COMPLAINT_BYTES]);
void settings_free(settings *s);
/* The digest that the version's card has for a file; NULL: the card does not know the file. */
const char *settings_digest(const settings *s, const char *file_name);

#endif
