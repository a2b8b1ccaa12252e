// Mapping, filling and wiping places.
#include "dataplane/esp_table.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "crypto/base/secret.h"
#include "dataplane/frame.h"

namespace dp {
namespace {

static_assert(std::is_trivially_destructible_v<EspSa>);

constexpr std::uint64_t kNumbersWithoutEsn = std::uint64_t{1} << 31;

// Takes the keys of one direction from the front of `keymat`.
void take_keys(crypto::Bytes& keymat, const EspSa& sa, EspDirection& direction,
               std::array<std::uint8_t, 64>& integ) {
  const auto take = [&](std::span<std::uint8_t> to) {
    std::copy_n(keymat.begin(), to.size(), to.begin());
    keymat = keymat.subspan(to.size());
  };
  take(std::span(direction.key).first(key_len(sa.cipher)));
  if (is_aead(sa.cipher))
    take(direction.salt);
  else
    take(std::span(integ).first(sa.integ_key_len()));
}

}  // namespace

EspCipher esp_cipher_of(const ike::Suite& suite) {
  const bool short_key = suite.key_bits == 128;
  if (suite.encr == ike::EncrId::chacha20_poly1305) return EspCipher::chacha20;
  if (suite.encr == ike::EncrId::aes_cbc)
    return short_key ? EspCipher::aes128_cbc : EspCipher::aes256_cbc;
  return short_key ? EspCipher::aes128_gcm : EspCipher::aes256_gcm;
}

ike::Suite suite_of(const EspSa& sa) {
  ike::Suite suite;
  suite.esn = sa.esn;
  suite.key_bits = static_cast<std::uint16_t>(key_len(sa.cipher) * 8);
  if (sa.cipher == EspCipher::chacha20) {
    suite.encr = ike::EncrId::chacha20_poly1305;
    suite.key_bits = 0;
  }
  if (is_aead(sa.cipher)) return suite;
  suite.encr = ike::EncrId::aes_cbc;
  suite.integ = sa.integ == crypto::Prf::hmac_sha256   ? ike::IntegId::hmac_sha2_256_128
                : sa.integ == crypto::Prf::hmac_sha384 ? ike::IntegId::hmac_sha2_384_192
                                                       : ike::IntegId::hmac_sha2_512_256;
  return suite;
}

crypto::Result<std::unique_ptr<EspTable>> EspTable::make(const WorkerConfig& config,
                                                         unsigned worker, std::uint64_t secret) {
  std::unique_ptr<EspTable> table(new EspTable(config));
  CHECK(worker < config.worker_count);
  if (!table->spis_.fits())
    return crypto::fail("the workers have " +
                        std::to_string(std::uint64_t{table->places()} * config.worker_count) +
                        " places for Child SAs together; 24 bits of an SPI name fewer than " +
                        std::to_string(1u << 24) + " (lower the number of sessions)");
  auto arena = Arena::reserve(std::size_t{table->places()} * sizeof(EspSa), "Child SAs");
  if (!arena) return std::unexpected(arena.error());
  table->arena_ = std::move(*arena);
  auto pool = SelectorPool::make(secret);
  if (!pool) return std::unexpected(pool.error());
  table->pool_ = std::move(*pool);
  return table;
}

bool EspTable::put(std::uint32_t place, const EspInstall& child, const PeerPath& path,
                   std::uint64_t now_ms) {
  CHECK(place < places() && !live(place));
  CHECK(child.keymat.size() == ike::child_keymat_len(child.suite));
  const std::uint32_t selectors = pool_->intern(*child.ts_local, *child.ts_remote);
  if (selectors == SelectorPool::kNone) return false;
  EspSa& sa = *new (&at(place)) EspSa;
  sa.cipher = esp_cipher_of(child.suite);
  if (!is_aead(sa.cipher)) sa.integ = ike::integ_prf_of(child.suite.integ);
  sa.esn = child.suite.esn;
  sa.in.spi = child.spi_in.value();
  sa.out.spi = child.spi_out.value();
  crypto::Bytes keymat = child.keymat;
  // RFC 7296 §2.17: first what the initiator of the exchange sends with.
  if (child.we_initiated) take_keys(keymat, sa, sa.out, sa.integ_out);
  take_keys(keymat, sa, sa.in, sa.integ_in);
  if (!child.we_initiated) take_keys(keymat, sa, sa.out, sa.integ_out);
  sa.selectors = selectors;
  sa.ip4_lease = child.ip4_lease;
  sa.ip6_lease = child.ip6_lease;
  sa.ike_spi_r = child.ike_spi_r;
  sa.sent = child.sent;
  sa.limits = child.limits;
  // RFC 4303 §3.3.3: without ESN the counter must not wrap; half of the numbers leave time.
  if (!sa.esn && (sa.limits.packets == 0 || sa.limits.packets > kNumbersWithoutEsn))
    sa.limits.packets = kNumbersWithoutEsn;
  sa.limited = sa.limits != ChildLimits{};
  sa.installed_ms = sa.seen_ms = now_ms;
  set_path(sa, path);
  sa.state = EspState::live;
  ++live_;
  return true;
}

void EspTable::clear(std::uint32_t place) {
  CHECK(live(place));
  EspSa& sa = at(place);
  pool_->leave(sa.selectors);
  crypto::secure_zero(&sa, sizeof sa);
  --live_;
}

void EspTable::set_path(EspSa& sa, const PeerPath& path) {
  sa.encapsulated = path.non_esp_marker;
  sa.peer_is_ip6 = path.is_ip6;
  sa.local = path.local;
  sa.peer = path.peer;
  sa.peer_mac = path.peer_mac;
  sa.local_port = kNatPort;
  sa.peer_port = path.peer_port;
}

}  // namespace dp
