/* Turns src/tokens/data/classes.txt (FIRST..LAST CLASS, hexadecimal) into a table of two stages, as C.
 *   embed_classes CLASSES OUT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 0x110000, BLOCK = 128, BLOCKS = POINTS / BLOCK };

static void die(const char *what, const char *which)
{
    fprintf(stderr, "embed_classes: %s: %s\n", what, which);
    exit(1);
}

static void read_classes(const char *path, char (*class_of)[POINTS])
{
    static const char *const names[] = {"", "Upper", "Lower", "Other_letter", "Mark", "Number", "Space"};
    char line[128], name[32];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die(strerror(errno), path);
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long first = 0, last = 0;
        size_t class = 1;
        if (sscanf(line, "%lx..%lx %31s", &first, &last, name) != 3 || first > last || last >= POINTS)
            die("is no line of classes", line);
        while (class < sizeof names / sizeof *names && strcmp(names[class], name) != 0)
            class ++;
        if (class == sizeof names / sizeof *names)
            die("is no class", name);
        memset(*class_of + first, (int)class, last - first + 1);
    }
    (*class_of)['\r'] = (*class_of)['\n'] = 7; /* \s as the rest, but the patterns name them */
    fclose(f);
}

static void print_bytes(FILE *out, const char *name, const unsigned char *bytes, size_t count)
{
    fprintf(out, "const unsigned char %s[%zu] = {", name, count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%d,", i % 32 == 0 ? "\n    " : "", bytes[i]);
    fputs("\n};\n\n", out);
}

int main(int argc, char **argv)
{
    static char class_of[POINTS];
    static unsigned char blocks[256 * BLOCK], index[BLOCKS];
    size_t count = 0;
    if (argc != 3)
        die("usage", "embed_classes CLASSES OUT");
    read_classes(argv[1], &class_of);
    for (size_t b = 0; b < BLOCKS; b++) {
        size_t same = 0;
        while (same < count && memcmp(blocks + same * BLOCK, class_of + b * BLOCK, BLOCK) != 0)
            same++;
        if (same == count && count++ == 256)
            die("more than 256 different blocks", argv[1]);
        memcpy(blocks + same * BLOCK, class_of + b * BLOCK, BLOCK);
        index[b] = (unsigned char)same;
    }
    FILE *out = fopen(argv[2], "wb");
    if (out == NULL)
        die(strerror(errno), argv[2]);
    fputs("/* Made by the build from src/tokens/data/classes.txt. Do not edit. */\n#include "
          "\"tokens/bpe_split.h\"\n\n",
          out);
    print_bytes(out, "bpe_class_index", index, BLOCKS);
    print_bytes(out, "bpe_class_blocks", blocks, count * BLOCK);
    return fclose(out) == 0 ? 0 : 1;
}
