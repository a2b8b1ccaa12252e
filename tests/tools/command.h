// Runs a program as a user would: command line in, everything it prints and its exit status out.
#pragma once

#include <string>

namespace tools {

struct Outcome {
  int status = -1;     // exit status; -1 when it was killed
  std::string output;  // standard output and standard error
};

// A shell's command line.
Outcome run_command(const std::string& command);

}  // namespace tools
