// Flood: IKE_SA_INIT requests from many invented sources, without any state; what half-open floods
// consist of. Nobody waits for the answers.
#pragma once

#include <vector>

#include "crypto/random.h"
#include "ike/suite.h"
#include "tools/storm/client_paths.h"
#include "tools/storm/crowd.h"

namespace storm {

struct FloodConfig {
  std::uint32_t rate = 0;     // requests a second
  std::uint32_t sources = 0;  // addresses, used in turn
  ike::Suite suite;  // offered; the KE data are random octets, a valid X25519 or MODP value
};

// One thread. All references outlive the flood.
class Flood {
 public:
  // Errors: no sources, a suite whose KE data would have to be a point on a curve.
  static crypto::Result<Flood> make(const FloodConfig& config, const ClientPaths& paths,
                                    crypto::Random& random);

  // What is due, at most kBatchMax at a time and not more than a second's arrears, valid until the
  // next call. Outgoing::client counts the sources of paths().
  std::size_t poll(std::uint64_t now_ns, std::span<Outgoing> out);
  const ClientPaths& paths() const { return *paths_; }
  std::uint64_t sent() const { return sent_; }

 private:
  Flood(const FloodConfig& config, const ClientPaths& paths, crypto::Random& random);

  FloodConfig config_;
  const ClientPaths* paths_;
  crypto::Random* random_;
  std::size_t ke_len_ = 0;
  std::uint64_t epoch_ns_ = 0, due_ = 0, sent_ = 0;
  std::vector<std::array<std::uint8_t, kRequestMax>> requests_;  // of one poll
};

}  // namespace storm
