/* Any bytes as a model's configuration: for libFuzzer, or, with -DREPLAY, for the files that it is given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char complaint[COMPLAINT_BYTES] = "";
    settings s;
    if (!settings_read(&s, (const char *)data, bytes, 1, complaint)) {
        if (!*complaint) abort(); /* a refusal says why */
        return 0;
    }
    if (!s.input_count || !s.output_count || s.rows_at_a_time < 1) abort();
    if (s.card) settings_digest(&s, s.file_name);
    settings_free(&s);
    return 0;
}

#ifdef REPLAY

static int replay(const char *path) {
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) return perror(path), 1;
    const size_t bytes = fread(data, 1, sizeof data, file);
    const int failed = ferror(file);
    fclose(file);
    return failed ? 1 : LLVMFuzzerTestOneInput(data, bytes);
}

int main(int count, char **paths) {
    for (int i = 1; i < count; i++)
        if (replay(paths[i])) return 1;
    return 0;
}

#endif
