// Runs a fuzz target over the files of the folders it is given, where there is no libFuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len);

int main(int argc, char** argv) {
  unsigned seed_count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
      const std::vector<std::uint8_t> octets(chars.begin(), chars.end());
      LLVMFuzzerTestOneInput(octets.data(), octets.size());
      ++seed_count;
    }
  }
  std::printf("%u seeds replayed\n", seed_count);
  return seed_count == 0 ? 1 : 0;
}
