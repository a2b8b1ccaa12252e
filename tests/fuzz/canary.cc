// Fuzz target that must fail: proves that coverage guides the fuzzer and that ASan watches.
#include <cstddef>
#include <cstdint>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  if (len < 4 || octets[0] != 'I' || octets[1] != 'K' || octets[2] != 'E' || octets[3] != '2')
    return 0;
  const auto room = std::make_unique<std::uint8_t[]>(4);
  volatile std::size_t beyond = 4;
  [[maybe_unused]] static volatile std::uint8_t sink;
  sink = room[beyond];
  return 0;
}
