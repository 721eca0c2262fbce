/* Heads of images: see image_size.h. Sources: PNG (W3C, 11.2.2), JPEG (ITU T.81, B.1 and B.2), GIF89a (18), WebP (RFC 9649). */
#include "tokens/image_size.h"

struct bytes {
    const char *base64;
    size_t len; /* of the text */
};

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* The i-th byte; -1 behind the end, and where there is no base64. */
static int byte_at(const struct bytes *b, size_t i)
{
    size_t at = i / 3 * 4 + i % 3;
    if (i > b->len || at + 1 >= b->len) /* i > len keeps `at` from overflowing */
        return -1;
    int high = sextet(b->base64[at]), low = sextet(b->base64[at + 1]);
    unsigned shift = (unsigned)(i % 3) * 2;
    if (high < 0 || low < 0)
        return -1;
    return ((high << (2 + shift)) | (low >> (4 - shift))) & 255;
}

/* Numbers of 2 to 4 bytes; -1 as above. */
static int64_t big_endian(const struct bytes *b, size_t at, size_t size)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        int byte = byte_at(b, at + i);
        if (byte < 0)
            return -1;
        value = value << 8 | byte;
    }
    return value;
}

static int64_t little_endian(const struct bytes *b, size_t at, size_t size)
{
    int64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        int byte = byte_at(b, at + i);
        if (byte < 0)
            return -1;
        value = value << 8 | byte;
    }
    return value;
}

static bool stands(const struct bytes *b, size_t at, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        if (byte_at(b, at + i) != (unsigned char)text[i])
            return false;
    return true;
}

static bool read_png(const struct bytes *b, struct image_size *out)
{
    if (!stands(b, 0, "\x89PNG\r\n\x1a\n") || !stands(b, 12, "IHDR"))
        return false;
    *out = (struct image_size){big_endian(b, 16, 4), big_endian(b, 20, 4)};
    return true;
}

static bool read_gif(const struct bytes *b, struct image_size *out)
{
    if (!stands(b, 0, "GIF87a") && !stands(b, 0, "GIF89a"))
        return false;
    *out = (struct image_size){little_endian(b, 6, 2), little_endian(b, 8, 2)};
    return true;
}

static bool read_webp(const struct bytes *b, struct image_size *out)
{
    if (!stands(b, 0, "RIFF") || !stands(b, 8, "WEBP"))
        return false;
    if (stands(b, 12, "VP8 ") && stands(b, 23, "\x9d\x01\x2a")) {
        int64_t width = little_endian(b, 26, 2), height = little_endian(b, 28, 2);
        *out = (struct image_size){width < 0 ? -1 : width & 0x3fff, height < 0 ? -1 : height & 0x3fff};
        return true;
    }
    if (stands(b, 12, "VP8L") && stands(b, 20, "\x2f")) {
        int64_t bits = little_endian(b, 21, 4);
        if (bits >= 0)
            *out = (struct image_size){(bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
        return bits >= 0;
    }
    if (!stands(b, 12, "VP8X"))
        return false;
    int64_t width = little_endian(b, 24, 3), height = little_endian(b, 27, 3);
    *out = (struct image_size){width < 0 ? -1 : width + 1, height < 0 ? -1 : height + 1};
    return true;
}

/* SOF0 to SOF15; DHT, JPG and DAC stand between them. */
static bool is_frame(int marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static bool has_no_segment(int marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);
}

static bool read_jpeg(const struct bytes *b, struct image_size *out)
{
    size_t at = 2;
    if (big_endian(b, 0, 2) != 0xFFD8)
        return false;
    while (byte_at(b, at) == 0xFF) {
        int marker = byte_at(b, at + 1);
        if (is_frame(marker)) {
            *out = (struct image_size){big_endian(b, at + 7, 2), big_endian(b, at + 5, 2)};
            return true;
        }
        if (marker == 0xFF) { /* bytes that fill */
            at++;
        } else if (has_no_segment(marker)) {
            at += 2;
        } else {
            int64_t size = big_endian(b, at + 2, 2);
            if (marker < 0xC0 || marker == 0xD9 || marker == 0xDA || size < 2)
                return false;
            at += 2 + (size_t)size;
        }
    }
    return false;
}

bool image_size_of_base64(const char *base64, size_t len, struct image_size *out)
{
    static bool (*const readers[])(const struct bytes *, struct image_size *) = {read_png, read_jpeg,
                                                                                 read_webp, read_gif};
    struct bytes b = {base64, len};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        struct image_size size = {0};
        if (!readers[i](&b, &size))
            continue;
        if (size.width < 1 || size.height < 1)
            return false;
        *out = size;
        return true;
    }
    return false;
}
