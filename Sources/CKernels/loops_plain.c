// The loops for every x86-64 processor, and for every other that clang knows.

#include "loops.h"

#define LANES 4
#define NAME "plain"
#define NAS_LOOPS nas_loops_plain

#include "Loops/all.h"
