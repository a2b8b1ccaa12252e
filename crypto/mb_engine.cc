// The Intel IPsec-MB engine: the one that serves packets.
//
// AES-GCM goes through IPsec-MB's direct calls: 1.3 has no multi-buffer gain for GCM, and a direct
// call costs 25 to 35 ns less than a job. The direct call computes the tag and does not check it,
// so the check is here. ChaCha20-Poly1305 and AES-CBC go through jobs. HMAC goes through the
// kernels of crypto/sha_kernels.h. The library's hash burst is not used: it has no empty messages,
// and one in a burst spoils its neighbours too. Without SHA-NI, SHA-256 is the portable kernel.
//
//   ns per HMAC of 113 octets, Zen 3          1 lane    4 lanes   32 lanes   key set-up, 32 keys
//   SHA-256  ours, SHA-NI                        137         70         61          36
//            burst of the auto manager          1022        321        166         620 (one-block)
//   SHA-384  ours, AVX2                         1372        351        353         213
//            burst of the auto manager          1242        336        332         810 (one-block)
#define NO_COMPAT_IMB_API_053

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/engine.h"
#include "crypto/sha_kernels.h"

namespace crypto {
namespace {

static_assert(sizeof(gcm_key_data) <= ExpandedKey::kStorageLen);

struct ManagerFree {
  void operator()(IMB_MGR* p) const { free_mb_mgr(p); }
};
using Manager = std::unique_ptr<IMB_MGR, ManagerFree>;

// The best manager of this processor, or null when its self-test fails or something is missing.
Manager make_manager() {
  constexpr std::uint64_t kNeeded =
      IMB_FEATURE_SSE4_2 | IMB_FEATURE_CMOV | IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  Manager manager(alloc_mb_mgr(0));
  if (manager == nullptr || (manager->features & kNeeded) != kNeeded) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &arch);
  if (arch == IMB_ARCH_NONE || imb_get_errno(manager.get()) != 0) return nullptr;
  const bool tested = (manager->features & IMB_FEATURE_SELF_TEST) != 0;
  if (tested && (manager->features & IMB_FEATURE_SELF_TEST_PASS) == 0) return nullptr;
  return manager;
}

const char* arch_name(const IMB_MGR& manager) {
  switch (static_cast<IMB_ARCH>(manager.used_arch)) {
    case IMB_ARCH_SSE:
      return "sse";
#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0)
    case IMB_ARCH_AVX:
      return "avx";
    case IMB_ARCH_NOAESNI:
      break;
#endif
    case IMB_ARCH_AVX2:
      return "avx2";
    case IMB_ARCH_AVX512:
      return "avx512";
    case IMB_ARCH_NONE:
    case IMB_ARCH_NUM:
      break;
  }
  return "?";
}

class MbEngine final : public Engine {
 public:
  explicit MbEngine(Manager manager);

  const char* name() const override { return name_; }

  void expand(Aead alg, std::span<const ExpandLane> lanes) override;
  void open(Aead alg, std::span<AeadLane> lanes) override;
  void seal(Aead alg, std::span<AeadLane> lanes) override;

  void prepare(Prf alg, std::span<const PrfKeyLane> lanes) override {
    hmac_[std::to_underlying(alg)].prepare(lanes);
  }
  void mac(Prf alg, std::span<const MacLane> lanes) override {
    hmac_[std::to_underlying(alg)].mac(lanes);
  }
  void sha1(std::span<const Sha1Lane> lanes) override {
    for (const Sha1Lane& lane : lanes)
      IMB_SHA1(manager_.get(), lane.message.data(), lane.message.size(), lane.out);
  }

  void cbc_encrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override {
    cbc(IMB_DIR_ENCRYPT, key, iv, in, out);
  }
  void cbc_decrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override {
    cbc(IMB_DIR_DECRYPT, key, iv, in, out);
  }

 private:
  // One lane; `tag` is where the computed tag goes.
  template <Aead alg, IMB_CIPHER_DIRECTION direction>
  void crypt(const AeadLane& lane, std::uint8_t* tag);
  template <Aead alg>
  void open_all(std::span<AeadLane> lanes);
  template <Aead alg>
  void seal_all(std::span<AeadLane> lanes);
  template <Aead alg>
  const std::uint8_t* key_of(const AeadLane& lane);
  void chacha(IMB_CIPHER_DIRECTION direction, const std::uint8_t* key, const AeadLane& lane,
              std::uint8_t* tag);
  void cbc(IMB_CIPHER_DIRECTION direction, Bytes key, const std::uint8_t* iv, Bytes in,
           std::uint8_t* out);
  void run(const IMB_JOB* job);

  Manager manager_;
  std::array<HmacKernel, kPrfCount> hmac_;
  ExpandedKey lane_key_;  // of the lane at hand, when it comes with a raw key
  char name_[96];
};

MbEngine::MbEngine(Manager manager) : manager_(std::move(manager)) {
  hmac_ = {best_hmac_kernel(Prf::hmac_sha256), best_hmac_kernel(Prf::hmac_sha384),
           best_hmac_kernel(Prf::hmac_sha512)};
  std::snprintf(name_, sizeof name_, "IPsec-MB %s %s, sha256 %s, sha384/512 %s", IMB_VERSION_STR,
                arch_name(*manager_), hmac_[0].name, hmac_[1].name);
}

template <Aead alg>
void expand_gcm(IMB_MGR* manager, const std::uint8_t* raw_key, std::uint8_t* storage) {
  auto* const key = static_cast<gcm_key_data*>(static_cast<void*>(storage));
  if constexpr (alg == Aead::aes128_gcm) {
    IMB_AES128_GCM_PRE(manager, raw_key, key);
  } else {
    IMB_AES256_GCM_PRE(manager, raw_key, key);
  }
}

void MbEngine::expand(Aead alg, std::span<const ExpandLane> lanes) {
  for (const ExpandLane& lane : lanes) {
    switch (alg) {
      case Aead::aes128_gcm:
        expand_gcm<Aead::aes128_gcm>(manager_.get(), lane.raw_key, lane.out->storage());
        break;
      case Aead::aes256_gcm:
        expand_gcm<Aead::aes256_gcm>(manager_.get(), lane.raw_key, lane.out->storage());
        break;
      case Aead::chacha20_poly1305:
        std::memcpy(lane.out->storage(), lane.raw_key, aead_key_len(alg));
        break;
    }
  }
}

template <Aead alg>
const std::uint8_t* MbEngine::key_of(const AeadLane& lane) {
  if (lane.key != nullptr) return lane.key->storage();
  if constexpr (alg == Aead::chacha20_poly1305) return lane.raw_key;
  expand_gcm<alg>(manager_.get(), lane.raw_key, lane_key_.storage());
  return lane_key_.storage();
}

template <Aead alg, IMB_CIPHER_DIRECTION direction>
void MbEngine::crypt(const AeadLane& lane, std::uint8_t* tag) {
  const std::uint8_t* const storage = key_of<alg>(lane);
  if constexpr (alg == Aead::chacha20_poly1305) {
    chacha(direction, storage, lane, tag);
  } else {
    IMB_MGR* const m = manager_.get();
    const auto gcm = alg == Aead::aes128_gcm
                         ? (direction == IMB_DIR_ENCRYPT ? m->gcm128_enc : m->gcm128_dec)
                         : (direction == IMB_DIR_ENCRYPT ? m->gcm256_enc : m->gcm256_dec);
    gcm_context_data context;
    gcm(static_cast<const gcm_key_data*>(static_cast<const void*>(storage)), &context, lane.out,
        lane.in, lane.len, lane.nonce, lane.aad.data(), lane.aad.size(), tag, kAeadTagLen);
  }
}

// Keys of many SAs do not stay in the cache, and a call reads them in no order that the processor
// foresees: they are fetched while the lanes before are at work. The schedule stands in front, the
// powers of the hash key behind it, and a text of n blocks takes the last n of them. Inline,
// because g++ leaves calls of a function out that does nothing but prefetch.
[[gnu::always_inline]] inline void fetch_key(std::span<const AeadLane> lanes, std::size_t i) {
  constexpr std::size_t kAhead = 4, kLine = 64, kSchedule = 15 * 16;
  if (i + kAhead >= lanes.size()) return;
  const AeadLane& lane = lanes[i + kAhead];
  if (lane.key == nullptr || lane.key == lanes[i].key) return;
  const std::uint8_t* const key = lane.key->storage();
  const std::size_t most = sizeof(gcm_key_data) - kSchedule;
  const std::size_t powers = std::min(most, std::size_t{lane.len} + 32);
  for (std::size_t at = 0; at < kSchedule; at += kLine) __builtin_prefetch(key + at);
  for (std::size_t at = sizeof(gcm_key_data) - powers; at < sizeof(gcm_key_data); at += kLine)
    __builtin_prefetch(key + at);
}

template <Aead alg>
void MbEngine::open_all(std::span<AeadLane> lanes) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    AeadLane& lane = lanes[i];
    fetch_key(lanes, i);
    std::uint8_t tag[kAeadTagLen];
    crypt<alg, IMB_DIR_DECRYPT>(lane, tag);
    lane.ok = ct_equal(tag, {lane.tag, kAeadTagLen});
    // RFC 5116 §2.2: no text of a message that is not authentic leaves here.
    if (!lane.ok) [[unlikely]]
      secure_zero(lane.out, lane.len);
  }
}

template <Aead alg>
void MbEngine::seal_all(std::span<AeadLane> lanes) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    AeadLane& lane = lanes[i];
    fetch_key(lanes, i);
    crypt<alg, IMB_DIR_ENCRYPT>(lane, lane.tag);
    lane.ok = true;
  }
}

void MbEngine::open(Aead alg, std::span<AeadLane> lanes) {
  switch (alg) {
    case Aead::aes128_gcm:
      return open_all<Aead::aes128_gcm>(lanes);
    case Aead::aes256_gcm:
      return open_all<Aead::aes256_gcm>(lanes);
    case Aead::chacha20_poly1305:
      return open_all<Aead::chacha20_poly1305>(lanes);
  }
}

void MbEngine::seal(Aead alg, std::span<AeadLane> lanes) {
  switch (alg) {
    case Aead::aes128_gcm:
      return seal_all<Aead::aes128_gcm>(lanes);
    case Aead::aes256_gcm:
      return seal_all<Aead::aes256_gcm>(lanes);
    case Aead::chacha20_poly1305:
      return seal_all<Aead::chacha20_poly1305>(lanes);
  }
}

// Submits the job that was just filled in and waits for it.
void MbEngine::run(const IMB_JOB* job) {
  const IMB_JOB* done = IMB_SUBMIT_JOB(manager_.get());
  if (done == nullptr) done = IMB_FLUSH_JOB(manager_.get());
  CHECK(done == job && done->status == IMB_STATUS_COMPLETED);
}

void MbEngine::chacha(IMB_CIPHER_DIRECTION direction, const std::uint8_t* key, const AeadLane& lane,
                      std::uint8_t* tag) {
  IMB_JOB* job = IMB_GET_NEXT_JOB(manager_.get());
  job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  job->cipher_direction = direction;
  job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = key;
  job->dec_keys = key;
  job->key_len_in_bytes = aead_key_len(Aead::chacha20_poly1305);
  job->u.CHACHA20_POLY1305.aad = lane.aad.data();
  job->u.CHACHA20_POLY1305.aad_len_in_bytes = lane.aad.size();
  job->src = lane.in;
  job->dst = lane.out;
  job->iv = lane.nonce;
  job->iv_len_in_bytes = kAeadNonceLen;
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = lane.len;
  job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_hash_in_bytes = lane.len;
  job->auth_tag_output = tag;
  job->auth_tag_output_len_in_bytes = kAeadTagLen;
  run(job);
}

void MbEngine::cbc(IMB_CIPHER_DIRECTION direction, Bytes key, const std::uint8_t* iv, Bytes in,
                   std::uint8_t* out) {
  CHECK((key.size() == 16 || key.size() == 32) && in.size() % 16 == 0);
  if (in.empty()) return;
  constexpr std::size_t kScheduleLen = 15 * 16;
  alignas(16) std::uint8_t encrypt[kScheduleLen];
  alignas(16) std::uint8_t decrypt[kScheduleLen];
  if (key.size() == 16) {
    IMB_AES_KEYEXP_128(manager_.get(), key.data(), encrypt, decrypt);
  } else {
    IMB_AES_KEYEXP_256(manager_.get(), key.data(), encrypt, decrypt);
  }
  IMB_JOB* job = IMB_GET_NEXT_JOB(manager_.get());
  job->cipher_mode = IMB_CIPHER_CBC;
  job->hash_alg = IMB_AUTH_NULL;
  job->cipher_direction = direction;
  job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = encrypt;
  job->dec_keys = decrypt;
  job->key_len_in_bytes = key.size();
  job->src = in.data();
  job->dst = out;
  job->iv = iv;
  job->iv_len_in_bytes = 16;
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = in.size();
  run(job);
  secure_zero(encrypt, sizeof encrypt);
  secure_zero(decrypt, sizeof decrypt);
}

}  // namespace

std::unique_ptr<Engine> make_mb_engine() {
  Manager manager = make_manager();
  if (manager == nullptr) return nullptr;
  return std::make_unique<MbEngine>(std::move(manager));
}

}  // namespace crypto
