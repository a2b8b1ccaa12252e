// AEAD in batches, CBC and HMAC for the suites that are seldom.
#include "dataplane/esp_crypto.h"

#include <algorithm>

#include "crypto/base/secret.h"

namespace dp {
namespace {

using Way = EspKeyCache::Way;

constexpr std::size_t kAadMax = 12;

// SPI | number, with ESN SPI | all 64 bits (RFC 4106 §5).
std::size_t write_aad(const EspText& t, std::uint8_t* aad) {
  std::copy_n(t.packet.data(), 4, aad);
  if (!t.sa->esn) {
    crypto::store_be32(aad + 4, static_cast<std::uint32_t>(t.number));
    return 8;
  }
  crypto::store_be64(aad + 4, t.number);
  return 12;
}

// Member by member, in place: a lane that is made elsewhere and copied costs a stall for each
// packet, because the copy reads in wider pieces than were written.
void set_lane(crypto::AeadLane& lane, const EspText& t, Way way, crypto::Engine& engine,
              EspKeyCache& keys, std::uint8_t* nonce, std::uint8_t* aad) {
  const EspDirection& direction = way == Way::in ? t.sa->in : t.sa->out;
  std::copy_n(direction.salt.data(), 4, nonce);
  std::copy_n(t.packet.data() + 8, 8, nonce + 4);
  // t.text() of an AEAD, without asking which one: all have IVs and tags of the same lengths.
  constexpr std::size_t kFront = 8 + iv_len(EspCipher::aes256_gcm);
  const crypto::MutBytes text =
      t.packet.subspan(kFront, t.packet.size() - kFront - crypto::kAeadTagLen);
  lane.raw_key = direction.key.data();
  lane.nonce = nonce;
  lane.aad = {aad, write_aad(t, aad)};
  lane.in = lane.out = text.data();
  lane.len = static_cast<std::uint32_t>(text.size());
  lane.tag = text.data() + text.size();
  if (t.sa->cipher != EspCipher::chacha20) lane.key = keys.get(engine, way, *t.sa);
}

// One batch for each AEAD that occurs. Returns the lanes that are right; `others` are of CBC.
LaneSet run_aead(const EspTexts& texts, LaneSet in, Way way, crypto::Engine& engine,
                 EspKeyCache& keys, LaneSet& others) {
  LaneSet good;
  others = LaneSet();
  for (LaneSet rest = in; !rest.empty();) {
    const unsigned first = *rest.begin();
    const EspCipher cipher = texts[first].sa->cipher;
    if (!is_aead(cipher)) {
      others.add(first);
      rest.remove(first);
      continue;
    }
    std::array<crypto::AeadLane, kBurstMax> batch;
    std::array<unsigned, kBurstMax> lane_of;
    std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBurstMax> nonces;
    std::array<std::array<std::uint8_t, kAadMax>, kBurstMax> aads;
    std::size_t count = 0;
    for (unsigned lane : rest) {
      if (texts[lane].sa->cipher != cipher) continue;
      lane_of[count] = lane;
      set_lane(batch[count], texts[lane], way, engine, keys, nonces[count].data(),
               aads[count].data());
      ++count;
      rest.remove(lane);
    }
    const std::span lanes(batch.data(), count);
    if (way == Way::in)
      engine.open(aead_of(cipher), lanes);
    else
      engine.seal(aead_of(cipher), lanes);
    for (std::size_t i = 0; i < count; ++i)
      if (batch[i].ok) good.add(lane_of[i]);
  }
  return good;
}

// The ICV of RFC 4303 §2.8: over all before it and, with ESN, the high half of the number, which is
// not sent and stands where the ICV will be.
void compute_icv(const EspText& t, Way way, crypto::Engine& engine, std::uint8_t* out) {
  const std::size_t covered = t.packet.size() - t.sa->icv_len();
  if (t.sa->esn)
    crypto::store_be32(t.packet.data() + covered, static_cast<std::uint32_t>(t.number >> 32));
  crypto::PrfKey key;
  const auto& octets = way == Way::in ? t.sa->integ_in : t.sa->integ_out;
  const crypto::PrfKeyLane key_lane{crypto::Bytes(octets).first(t.sa->integ_key_len()), &key};
  engine.prepare(t.sa->integ, {&key_lane, 1});
  const crypto::MacLane mac{&key, t.packet.first(covered + (t.sa->esn ? 4 : 0)), out};
  engine.mac(t.sa->integ, {&mac, 1});
}

crypto::Bytes cipher_key(const EspDirection& direction, EspCipher cipher) {
  return crypto::Bytes(direction.key).first(key_len(cipher));
}

bool open_cbc(const EspText& t, crypto::Engine& engine) {
  const std::size_t icv_len = t.sa->icv_len();
  std::array<std::uint8_t, crypto::kPrfLenMax> received, computed;
  std::copy_n(t.packet.end() - static_cast<std::ptrdiff_t>(icv_len), icv_len, received.begin());
  compute_icv(t, Way::in, engine, computed.data());
  if (!crypto::ct_equal(crypto::Bytes(received).first(icv_len),
                        crypto::Bytes(computed).first(icv_len)))
    return false;
  const crypto::MutBytes text = t.text();
  engine.cbc_decrypt(cipher_key(t.sa->in, t.sa->cipher), t.packet.data() + 8, text, text.data());
  return true;
}

void seal_cbc(const EspText& t, crypto::Engine& engine, crypto::Random& random) {
  random.fill(t.packet.subspan(8, 16));
  const crypto::MutBytes text = t.text();
  engine.cbc_encrypt(cipher_key(t.sa->out, t.sa->cipher), t.packet.data() + 8, text, text.data());
  std::array<std::uint8_t, crypto::kPrfLenMax> icv;
  compute_icv(t, Way::out, engine, icv.data());
  std::copy_n(icv.begin(), t.sa->icv_len(), text.end());
}

}  // namespace

LaneSet open_esp_texts(const EspTexts& texts, LaneSet in, crypto::Engine& engine,
                       EspKeyCache& keys) {
  LaneSet others;
  LaneSet good = run_aead(texts, in, Way::in, engine, keys, others);
  for (unsigned lane : others)
    if (open_cbc(texts[lane], engine)) good.add(lane);
  return good;
}

void seal_esp_texts(const EspTexts& texts, LaneSet in, crypto::Engine& engine, EspKeyCache& keys,
                    crypto::Random& random) {
  // RFC 4106 §3.1: an IV never comes twice under one key; the sequence number does not.
  for (unsigned lane : in)
    if (is_aead(texts[lane].sa->cipher))
      crypto::store_be64(texts[lane].packet.data() + 8, texts[lane].number);
  LaneSet others;
  run_aead(texts, in, Way::out, engine, keys, others);
  for (unsigned lane : others) seal_cbc(texts[lane], engine, random);
}

}  // namespace dp
