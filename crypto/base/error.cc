// The end of a process that found its own invariant broken.
#include "crypto/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace crypto {

void check_failed(const char* what, std::source_location where) {
  std::fprintf(stderr, "%s:%u: invariant broken: %s\n", where.file_name(), where.line(), what);
  std::abort();
}

}  // namespace crypto
