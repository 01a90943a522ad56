// The definitions; the alignment of one decides about that of the segment.
#ifndef EXPORT
#define EXPORT
#endif
EXPORT __thread char aligned[64] __attribute__((aligned(64))) = "abcd";
EXPORT __thread int initialised = 17;
EXPORT __thread int zeroed;
