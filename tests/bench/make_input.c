/* Writes OpenAI Batch lines of about 600 bytes: make_input FILE JOBS */
#include "bare_sqlite.h"

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s FILE JOBS\n", argv[0]);
        return 2;
    }
    write_input(argv[1], atol(argv[2]));
    return 0;
}
