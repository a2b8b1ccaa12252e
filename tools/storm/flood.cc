// Writing requests that lead nowhere.
#include "tools/storm/flood.h"

#include <algorithm>

#include "controlplane/ke_groups.h"
#include "ike/sa_init.h"

namespace storm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

crypto::Result<Flood> Flood::make(const FloodConfig& config, const ClientPaths& paths,
                                  crypto::Random& random) {
  if (config.rate == 0 || config.sources == 0) return crypto::fail("a flood of nothing");
  if ((config.suite.ke != ike::KeId::curve25519 && config.suite.ke != ike::KeId::modp_2048) ||
      !config.suite.additional.empty())
    return crypto::fail("the flood draws its key exchange values: x25519 or modp2048 only");
  return Flood(config, paths, random);
}

Flood::Flood(const FloodConfig& config, const ClientPaths& paths, crypto::Random& random)
    : config_(config),
      paths_(&paths),
      random_(&random),
      ke_len_(crypto::ke_public_len(*cp::ke_group(config.suite.ke))),
      requests_(kBatchMax) {}

std::size_t Flood::poll(std::uint64_t now_ns, std::span<Outgoing> out) {
  if (epoch_ns_ == 0) epoch_ns_ = now_ns;
  const std::uint64_t due = (now_ns - epoch_ns_) * config_.rate / kSecondNs;
  due_ = std::max(due_, due - std::min<std::uint64_t>(due, config_.rate));
  const std::size_t count =
      std::min({out.size(), kBatchMax, static_cast<std::size_t>(due - std::min(due, due_))});
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::uint8_t, crypto::kKePublicMax> ke;
    std::array<std::uint8_t, ike::kNonceLen> nonce;
    random_->fill(crypto::MutBytes(ke).first(ke_len_));
    ke[0] &= 0x7f;  // below the prime of a MODP group
    random_->fill(nonce);
    ike::SaInitOffer offer;
    offer.spi_i = ike::IkeSpi(random_->u64() | 1);
    offer.suites = {&config_.suite, 1};
    offer.ke = config_.suite.ke;
    offer.ke_data = crypto::Bytes(ke).first(ke_len_);
    offer.nonce = nonce;
    const std::size_t len = ike::write_sa_init_request(offer, requests_[i]);
    CHECK(len != 0);
    const auto source = static_cast<std::uint32_t>(sent_++ % config_.sources);
    out[i] = {source, true, {requests_[i].data(), len}};
  }
  due_ += count;
  return count;
}

}  // namespace storm
