// AEAD and CBC with HMAC over ESP packets.
#include "tools/storm/tunnel_crypto.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace storm {
namespace {

using crypto::Bytes;
using crypto::MutBytes;

constexpr std::size_t kHeadLen = 8;  // SPI, number
constexpr std::size_t kSaltLen = 4;
constexpr std::uint8_t kNextIp4 = 4, kNextIp6 = 41;

}  // namespace

struct TunnelCrypto::Scratch {
  std::array<crypto::AeadLane, kBatchMax> aead;
  std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBatchMax> nonce;
  std::array<std::array<std::uint8_t, 12>, kBatchMax> aad;
  std::array<std::array<std::uint8_t, crypto::kAeadTagLen>, kBatchMax> tag;
  std::array<crypto::PrfKey, kBatchMax> key;
  std::array<crypto::PrfKeyLane, kBatchMax> key_lanes;
  std::array<crypto::MacLane, kBatchMax> macs;
  std::array<std::array<std::uint8_t, crypto::kPrfLenMax>, kBatchMax> icv;
  // With ESN the high half of the number is authenticated and not sent.
  std::array<std::array<std::uint8_t, kAnswerMax + 4>, kBatchMax> covered;
};

TunnelCrypto::TunnelCrypto(crypto::Engine& engine, crypto::Random& random, const ike::Suite& suite)
    : engine_(engine), random_(random), suite_(suite), scratch_(std::make_unique<Scratch>()) {}

TunnelCrypto::~TunnelCrypto() = default;

std::size_t TunnelCrypto::sealed_len(std::size_t inner_len) const {
  const std::size_t text_len = (inner_len + 2 + block_len() - 1) / block_len() * block_len();
  return text_offset() + text_len + ike::icv_len(suite_);
}

bool TunnelCrypto::is_whole(Bytes packet) const {
  const std::size_t around = text_offset() + ike::icv_len(suite_);
  return packet.size() <= kAnswerMax && packet.size() >= around + block_len() &&
         (packet.size() - around) % block_len() == 0;
}

// RFC 4106 §4, §5, RFC 7634 §2.1: nonce = salt | IV; additional data = SPI | number, or all 64 bits
// of the number. We never send or take more than 2^32 - 1 packets, so the high half is 0.
crypto::AeadLane TunnelCrypto::aead_lane(std::size_t i, Bytes encr, Bytes packet) {
  Scratch& s = *scratch_;
  const std::size_t key_len = encr.size() - kSaltLen;
  std::ranges::copy(encr.subspan(key_len), s.nonce[i].begin());
  std::ranges::copy(packet.subspan(kHeadLen, 8), s.nonce[i].begin() + kSaltLen);
  std::ranges::copy(packet.first(4), s.aad[i].begin());
  const std::uint32_t number = crypto::load_be32(packet.data() + 4);
  if (suite_.esn) {
    crypto::store_be64(s.aad[i].data() + 4, number);
  } else {
    crypto::store_be32(s.aad[i].data() + 4, number);
  }
  const std::size_t len = packet.size() - text_offset() - crypto::kAeadTagLen;
  return {.raw_key = encr.data(),
          .nonce = s.nonce[i].data(),
          .aad = Bytes(s.aad[i]).first(suite_.esn ? 12 : 8),
          .in = packet.data() + text_offset(),
          .len = static_cast<std::uint32_t>(len)};
}

// ICVs of the `count` MAC lanes, whose messages and outputs are set; the keys are in key_lanes.
void TunnelCrypto::authenticate(std::size_t count) {
  Scratch& s = *scratch_;
  const crypto::Prf prf = ike::integ_prf_of(suite_.integ);
  engine_.prepare(prf, std::span(s.key_lanes).first(count));
  for (std::size_t i = 0; suite_.esn && i < count; ++i) {
    const Bytes plain = s.macs[i].message;
    std::ranges::copy(plain, s.covered[i].begin());
    crypto::store_be32(s.covered[i].data() + plain.size(), 0);
    s.macs[i].message = Bytes(s.covered[i]).first(plain.size() + 4);
  }
  engine_.mac(prf, std::span(s.macs).first(count));
}

void TunnelCrypto::seal(std::span<const EspSealLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  Scratch& s = *scratch_;
  for (const EspSealLane& lane : lanes) {
    CHECK(lane.packet.size() == sealed_len(lane.inner_len) && lane.packet.size() <= kAnswerMax);
    std::uint8_t* p = lane.packet.data();
    crypto::store_be32(p, lane.spi);
    crypto::store_be32(p + 4, lane.number);
    const std::size_t text_len = lane.packet.size() - text_offset() - ike::icv_len(suite_);
    const std::size_t pad_len = text_len - lane.inner_len - 2;
    std::uint8_t* end = p + text_offset() + lane.inner_len;
    for (std::size_t i = 0; i < pad_len; ++i) end[i] = static_cast<std::uint8_t>(i + 1);
    end[pad_len] = static_cast<std::uint8_t>(pad_len);
    end[pad_len + 1] = lane.is_ip6 ? kNextIp6 : kNextIp4;
  }
  if (!ike::is_aead(suite_.encr)) return seal_cbc(lanes);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const MutBytes packet = lanes[i].packet;
    // RFC 4106 §3.1: an IV never comes twice under one key; the number does not.
    crypto::store_be64(packet.data() + kHeadLen, lanes[i].number);
    s.aead[i] = aead_lane(i, lanes[i].encr, packet);
    s.aead[i].out = packet.data() + text_offset();
    s.aead[i].tag = packet.data() + packet.size() - crypto::kAeadTagLen;
  }
  engine_.seal(ike::aead_of(suite_), std::span(s.aead).first(lanes.size()));
}

void TunnelCrypto::seal_cbc(std::span<const EspSealLane> lanes) {
  Scratch& s = *scratch_;
  const std::size_t icv_len = ike::icv_len(suite_);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const MutBytes packet = lanes[i].packet;
    const MutBytes covered = packet.first(packet.size() - icv_len);
    random_.fill(packet.subspan(kHeadLen, 16));
    const MutBytes text = covered.subspan(text_offset());
    engine_.cbc_encrypt(lanes[i].encr, packet.data() + kHeadLen, text, text.data());
    s.key_lanes[i] = {lanes[i].integ, &s.key[i]};
    s.macs[i] = {&s.key[i], covered, s.icv[i].data()};
  }
  authenticate(lanes.size());
  for (std::size_t i = 0; i < lanes.size(); ++i)
    std::ranges::copy(Bytes(s.icv[i]).first(icv_len), lanes[i].packet.last(icv_len).begin());
}

void TunnelCrypto::open(std::span<EspOpenLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  if (ike::is_aead(suite_.encr)) {
    open_aead(lanes);
  } else {
    open_cbc(lanes);
  }
  const std::size_t around = text_offset() + ike::icv_len(suite_);
  for (EspOpenLane& lane : lanes) {
    if (!lane.ok) continue;
    lane.number = crypto::load_be32(lane.packet.data() + 4);
    lane.text = {lane.plaintext, lane.packet.size() - around};
  }
}

void TunnelCrypto::open_aead(std::span<EspOpenLane> lanes) {
  Scratch& s = *scratch_;
  std::array<EspOpenLane*, kBatchMax> whole;
  std::size_t count = 0;
  for (EspOpenLane& lane : lanes) {
    lane.ok = false;
    if (!is_whole(lane.packet)) continue;
    std::ranges::copy(lane.packet.last(crypto::kAeadTagLen), s.tag[count].begin());
    s.aead[count] = aead_lane(count, lane.encr, lane.packet);
    s.aead[count].out = lane.plaintext;
    s.aead[count].tag = s.tag[count].data();
    whole[count++] = &lane;
  }
  engine_.open(ike::aead_of(suite_), std::span(s.aead).first(count));
  for (std::size_t i = 0; i < count; ++i) whole[i]->ok = s.aead[i].ok;
}

void TunnelCrypto::open_cbc(std::span<EspOpenLane> lanes) {
  Scratch& s = *scratch_;
  const std::size_t icv_len = ike::icv_len(suite_);
  std::array<EspOpenLane*, kBatchMax> whole;
  std::size_t count = 0;
  for (EspOpenLane& lane : lanes) {
    lane.ok = false;
    if (!is_whole(lane.packet)) continue;
    s.key_lanes[count] = {lane.integ, &s.key[count]};
    s.macs[count] = {&s.key[count], lane.packet.first(lane.packet.size() - icv_len),
                     s.icv[count].data()};
    whole[count++] = &lane;
  }
  authenticate(count);
  for (std::size_t i = 0; i < count; ++i) {
    EspOpenLane& lane = *whole[i];
    lane.ok = crypto::ct_equal(lane.packet.last(icv_len), Bytes(s.icv[i]).first(icv_len));
    if (!lane.ok) continue;
    const Bytes text =
        lane.packet.subspan(text_offset(), lane.packet.size() - text_offset() - icv_len);
    engine_.cbc_decrypt(lane.encr, lane.packet.data() + kHeadLen, text, lane.plaintext);
  }
}

bool read_trailer(Bytes text, Bytes& inner, bool& is_ip6) {
  if (text.size() < 2) return false;
  const std::size_t pad_len = text[text.size() - 2];
  const std::uint8_t next = text.back();
  if (pad_len + 2 > text.size() || (next != kNextIp4 && next != kNextIp6)) return false;
  inner = text.first(text.size() - 2 - pad_len);
  for (std::size_t i = 0; i < pad_len; ++i)
    if (text[inner.size() + i] != i + 1) return false;
  is_ip6 = next == kNextIp6;
  return true;
}

}  // namespace storm
