/* Do two names mean one file? Asked before something is written over. Any thread. */
#ifndef LH_BASE_SAME_FILE_H
#define LH_BASE_SAME_FILE_H

#include <stdbool.h>

/* By device and inode where both exist, through links of either kind; else by the real path of the folder and the name. "-" is
 * no file. */
bool is_same_file(const char *a, const char *b);

#endif
