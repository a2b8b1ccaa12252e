// Runs programs through a shell.
#include "tests/tools/command.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "crypto/base/error.h"

namespace tools {

Outcome run_command(const std::string& command) {
  FILE* const pipe = popen(("{ " + command + "; } 2>&1").c_str(), "r");
  CHECK(pipe != nullptr);
  Outcome outcome;
  std::array<char, 4096> buffer;
  while (const std::size_t len = fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.output.append(buffer.data(), len);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  return outcome;
}

}  // namespace tools
