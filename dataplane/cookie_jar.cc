// MAC input, secrets by period, and the switch.
#include "dataplane/cookie_jar.h"

#include <algorithm>

#include "crypto/base/error.h"

namespace dp {
namespace {

constexpr crypto::Prf kPrf = crypto::Prf::hmac_sha256;
constexpr std::size_t kSecretLen = 32;
constexpr std::size_t kMacLen = kCookieLen - 1;
constexpr std::size_t kInputMax = 1 + 1 + 8 + 16 + ike::kNonceLenMax;
constexpr std::uint64_t kWindowMs = 1000;

// The MACs of one gather: what to hash, and where the results stand.
struct Gather {
  std::size_t count = 0;
  std::array<std::array<std::uint8_t, kInputMax>, kBurstMax> input;
  std::array<std::array<std::uint8_t, kSecretLen>, kBurstMax> mac;
  std::array<crypto::MacLane, kBurstMax> lane;
  std::array<CookieJar::Request*, kBurstMax> request;

  void add(CookieJar::Request& from, const crypto::PrfKey& secret) {
    crypto::ByteWriter writer(input[count]);
    writer.u8(static_cast<std::uint8_t>(from.exchange));
    // The length keeps an IPv4 source and the first octets of a nonce from posing as an IPv6
    // source.
    const crypto::Bytes source = from.path->source_octets();
    writer.u8(static_cast<std::uint8_t>(source.size()));
    writer.be64(from.spi_i.value());
    writer.bytes(source);
    writer.bytes(from.nonce_i.first(std::min(from.nonce_i.size(), ike::kNonceLenMax)));
    lane[count] = {&secret, writer.written(), mac[count].data()};
    request[count] = &from;
    ++count;
  }
  void run(crypto::Engine& engine) { engine.mac(kPrf, {lane.data(), count}); }
};

std::uint8_t version_of(std::uint64_t period) { return static_cast<std::uint8_t>(period); }

}  // namespace

CookieJar::CookieJar(crypto::Engine& engine, crypto::Bytes seed, const AdmissionConfig& config)
    : engine_(engine), config_(config) {
  CHECK(seed.size() == 32);
  const crypto::PrfKeyLane lane{seed, &seed_key_};
  engine_.prepare(kPrf, {&lane, 1});
  demanded_ = config_.cookies == CookieMode::always;
}

void CookieJar::tick(const Now& now, std::uint32_t half_opens_without_proof) {
  const std::uint64_t period = now.ms / kRotateMs;
  if (!drawn_ || period != period_) {
    if (!drawn_ || period != period_ + 1) draw(period - 1);
    draw(period);
    period_ = period;
    drawn_ = true;
  }
  if (config_.cookies != CookieMode::automatic) return;

  const bool attacked = forged_ >= config_.cookie_on_forged_per_s ||
                        half_opens_without_proof >= config_.cookie_on_half_opens;
  if (attacked) {
    demanded_ = true;
    hold_until_ms_ = now.ms + config_.cookie_hold_ms;
  } else if (now.ms >= hold_until_ms_) {
    demanded_ = false;
  }
  if (now.ms - window_start_ms_ >= kWindowMs) {
    window_start_ms_ = now.ms;
    forged_ = 0;
  }
}

void CookieJar::check(std::span<Request> requests) {
  CHECK(drawn_);
  for (; !requests.empty();
       requests = requests.subspan(std::min<std::size_t>(requests.size(), kBurstMax))) {
    Gather gather;
    for (Request& request : requests.first(std::min<std::size_t>(requests.size(), kBurstMax))) {
      request.good = false;
      if (request.cookie.size() != kCookieLen) continue;
      const std::uint8_t version = request.cookie[0];
      if (version != version_of(period_) && version != version_of(period_ - 1)) continue;
      gather.add(request, secrets_[version & 1]);
    }
    gather.run(engine_);
    for (std::size_t i = 0; i < gather.count; ++i)
      gather.request[i]->good = crypto::ct_equal(gather.request[i]->cookie.subspan(1),
                                                 crypto::Bytes(gather.mac[i]).first(kMacLen));
  }
}

void CookieJar::bake(std::span<Request> requests) {
  CHECK(drawn_);
  for (; !requests.empty();
       requests = requests.subspan(std::min<std::size_t>(requests.size(), kBurstMax))) {
    Gather gather;
    for (Request& request : requests.first(std::min<std::size_t>(requests.size(), kBurstMax)))
      if (!request.good) gather.add(request, secrets_[period_ & 1]);
    gather.run(engine_);
    for (std::size_t i = 0; i < gather.count; ++i) {
      gather.request[i]->fresh[0] = version_of(period_);
      std::copy_n(gather.mac[i].begin(), kMacLen, gather.request[i]->fresh.begin() + 1);
    }
  }
}

void CookieJar::draw(std::uint64_t period) {
  std::array<std::uint8_t, 8> input;
  crypto::store_be64(input.data(), period);
  crypto::Secret<kSecretLen> secret;
  const crypto::MacLane mac{&seed_key_, input, secret.fill().data()};
  engine_.mac(kPrf, {&mac, 1});
  const crypto::PrfKeyLane lane{secret.reveal(), &secrets_[period & 1]};
  engine_.prepare(kPrf, {&lane, 1});
}

}  // namespace dp
