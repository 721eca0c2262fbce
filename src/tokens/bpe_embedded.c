/* The vocabularies, as the build made them (cmake/embed_bpe.c), put into the program's constant memory by the assembler: a compiler would
 * take minutes over eleven megabytes of C. The one file here that knows of object formats. */
#include "tokens/bpe.h"

#ifdef __APPLE__
#define SECTION ".const_data"
#define SYMBOL(name) "_" name
#else
#define SECTION ".section .rodata"
#define SYMBOL(name) name
#endif
#define EMBED(name, file)                                                                       \
    __asm__(SECTION "\n.balign 64\n.globl " SYMBOL(name) "\n" SYMBOL(name) ":\n.incbin \"" file \
                                                                           "\"\n.byte 0\n.text\n")

EMBED("lh_bpe_o200k_base", LH_BPE_FOLDER "/o200k_base.bin");
EMBED("lh_bpe_cl100k_base", LH_BPE_FOLDER "/cl100k_base.bin");

extern const unsigned char lh_bpe_o200k_base[], lh_bpe_cl100k_base[];

const struct encoding *encoding_get(enum encoding_id id)
{
    const void *block = id == ENCODING_CL100K_BASE ? lh_bpe_cl100k_base : lh_bpe_o200k_base;
    return block; /* a line of cache begins there */
}
