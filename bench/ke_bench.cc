// What does the responder's half of a key exchange cost with kept contexts and without OpenSSL's
// check of the peer by multiplication, beside the calls of OpenSSL's manual?
//
// One item is one handshake: draw a key pair, read the peer's value, agree, write our value.
// "respond" is ours, "manual" is EVP_PKEY_Q_keygen, EVP_PKEY_fromdata, EVP_PKEY_derive_set_peer and
// EVP_PKEY_derive, nothing kept between handshakes. Both must agree with an initiator before
// anything is timed.
#include <benchmark/benchmark.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/key_exchange.h"

namespace {

using crypto::Bytes;
using crypto::KeGroup;
using crypto::KeyExchange;
using Octets = std::vector<std::uint8_t>;

struct NamedGroup {
  KeGroup group;
  const char* name;
  const char* algorithm;
  const char* curve;  // null: the algorithm says it
};
constexpr NamedGroup kGroups[] = {{KeGroup::x25519, "x25519", "X25519", nullptr},
                                  {KeGroup::p256, "p256", "EC", "P-256"},
                                  {KeGroup::p384, "p384", "EC", "P-384"},
                                  {KeGroup::p521, "p521", "EC", "P-521"}};

EVP_PKEY* draw(const NamedGroup& named) {
  return named.curve == nullptr ? EVP_PKEY_Q_keygen(nullptr, nullptr, named.algorithm)
                                : EVP_PKEY_Q_keygen(nullptr, nullptr, named.algorithm, named.curve);
}

EVP_PKEY* read_peer(const NamedGroup& named, Bytes value) {
  Octets octets(value.begin(), value.end());
  if (named.curve != nullptr) octets.insert(octets.begin(), 4);
  std::vector<OSSL_PARAM> params;
  if (named.curve != nullptr)
    params.push_back(OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                      const_cast<char*>(named.curve), 0));
  params.push_back(
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()));
  params.push_back(OSSL_PARAM_construct_end());
  EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(nullptr, named.algorithm, nullptr);
  EVP_PKEY* key = nullptr;
  CHECK(EVP_PKEY_fromdata_init(ctx) == 1);
  CHECK(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params.data()) == 1);
  EVP_PKEY_CTX_free(ctx);
  return key;
}

void respond_by_the_manual(const NamedGroup& named, Bytes peer, Octets& answer, Octets& secret) {
  EVP_PKEY* own = draw(named);
  EVP_PKEY* other = read_peer(named, peer);
  EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr);
  CHECK(EVP_PKEY_derive_init(ctx) == 1);
  CHECK(EVP_PKEY_derive_set_peer(ctx, other) == 1);
  std::size_t len = secret.size();
  CHECK(EVP_PKEY_derive(ctx, secret.data(), &len) == 1);
  unsigned char* value = nullptr;
  const std::size_t value_len = EVP_PKEY_get1_encoded_public_key(own, &value);
  answer.assign(value + (named.curve != nullptr ? 1 : 0), value + value_len);
  OPENSSL_free(value);
  EVP_PKEY_CTX_free(ctx);
  EVP_PKEY_free(other);
  EVP_PKEY_free(own);
}

void check_agreement(const NamedGroup& named) {
  const auto initiator = KeyExchange::make(named.group);
  const std::size_t len = crypto::ke_shared_len(named.group);
  Octets answer;
  Octets theirs(len);
  Octets ours(len);
  CHECK(KeyExchange::respond(named.group, initiator->public_value(), answer, theirs));
  CHECK(initiator->derive(answer, ours) && crypto::ct_equal(ours, theirs));
  respond_by_the_manual(named, initiator->public_value(), answer, theirs);
  CHECK(initiator->derive(answer, ours) && crypto::ct_equal(ours, theirs));
}

void add(const NamedGroup& named) {
  const std::string name = named.name;
  benchmark::RegisterBenchmark(("respond/" + name).c_str(), [&named](benchmark::State& state) {
    const auto initiator = KeyExchange::make(named.group);
    Octets answer;
    Octets secret(crypto::ke_shared_len(named.group));
    for (auto _ : state)
      CHECK(KeyExchange::respond(named.group, initiator->public_value(), answer, secret));
    state.SetItemsProcessed(state.iterations());
  });
  benchmark::RegisterBenchmark(("manual/" + name).c_str(), [&named](benchmark::State& state) {
    const auto initiator = KeyExchange::make(named.group);
    Octets answer;
    Octets secret(crypto::ke_shared_len(named.group));
    for (auto _ : state) respond_by_the_manual(named, initiator->public_value(), answer, secret);
    state.SetItemsProcessed(state.iterations());
  });
}

}  // namespace

int main(int argc, char** argv) {
  for (const NamedGroup& named : kGroups) {
    check_agreement(named);
    add(named);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
