/* How large an image is, from the first bytes of its base64: PNG, JPEG, GIF, WebP. Nothing is decoded but the bytes that are asked for;
 * whatever stands there is looked at within its bounds. Pure; any thread; takes no memory. */
#ifndef LH_TOKENS_IMAGE_SIZE_H
#define LH_TOKENS_IMAGE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_size {
    int64_t width, height; /* pixels, 1 to 2^32 - 1 */
};

/* False: no image of these kinds, or its head is cut or broken. `base64`: with or without padding, no white space, of either alphabet
 * (RFC 4648). A JPEG's frame header is found behind any number of segments, at one step for each. */
bool image_size_of_base64(const char *base64, size_t len, struct image_size *out);

#endif
