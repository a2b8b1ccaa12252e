// One run: EAL, port and polling thread brought up, progress shown, the result written.
#pragma once

#include "crypto/base/error.h"
#include "tools/storm/options.h"

namespace storm {

// Main thread; once per process. Returns the status of the process; complaints and progress go to
// standard error, the table to standard output.
int run(const Options& options);

}  // namespace storm
