// Reads and writes swanctl proposals.
#include "controlplane/proposal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <variant>

#include "ike/proposal.h"

namespace cp {
namespace {

struct Cipher {
  ike::EncrId id;
  std::uint16_t key_bits;
  bool operator==(const Cipher&) const = default;
};
enum class Esn : std::uint8_t { off, on };
using Algorithm = std::variant<Cipher, ike::IntegId, ike::PrfId, ike::KeId, Esn>;

struct Keyword {
  std::string_view name;
  Algorithm algorithm;
};

// The first name of an algorithm is the one that is written.
constexpr std::array kKeywords = {
    Keyword{"aes128gcm16", Cipher{ike::EncrId::aes_gcm_16, 128}},
    Keyword{"aes128gcm128", Cipher{ike::EncrId::aes_gcm_16, 128}},
    Keyword{"aes128gcm", Cipher{ike::EncrId::aes_gcm_16, 128}},
    Keyword{"aes256gcm16", Cipher{ike::EncrId::aes_gcm_16, 256}},
    Keyword{"aes256gcm128", Cipher{ike::EncrId::aes_gcm_16, 256}},
    Keyword{"aes256gcm", Cipher{ike::EncrId::aes_gcm_16, 256}},
    Keyword{"chacha20poly1305", Cipher{ike::EncrId::chacha20_poly1305, 0}},
    Keyword{"aes128", Cipher{ike::EncrId::aes_cbc, 128}},
    Keyword{"aes256", Cipher{ike::EncrId::aes_cbc, 256}},
    Keyword{"sha256", ike::IntegId::hmac_sha2_256_128},
    Keyword{"sha2_256", ike::IntegId::hmac_sha2_256_128},
    Keyword{"sha384", ike::IntegId::hmac_sha2_384_192},
    Keyword{"sha2_384", ike::IntegId::hmac_sha2_384_192},
    Keyword{"sha512", ike::IntegId::hmac_sha2_512_256},
    Keyword{"sha2_512", ike::IntegId::hmac_sha2_512_256},
    Keyword{"prfsha256", ike::PrfId::hmac_sha2_256},
    Keyword{"prfsha384", ike::PrfId::hmac_sha2_384},
    Keyword{"prfsha512", ike::PrfId::hmac_sha2_512},
    Keyword{"x25519", ike::KeId::curve25519},
    Keyword{"curve25519", ike::KeId::curve25519},
    Keyword{"ecp256", ike::KeId::ecp_256},
    Keyword{"ecp384", ike::KeId::ecp_384},
    Keyword{"ecp521", ike::KeId::ecp_521},
    Keyword{"modp2048", ike::KeId::modp_2048},
    Keyword{"modp3072", ike::KeId::modp_3072},
    Keyword{"modp4096", ike::KeId::modp_4096},
    Keyword{"mlkem768", ike::KeId::ml_kem_768},
    Keyword{"esn", Esn::on},
    Keyword{"noesn", Esn::off},
};

std::string_view name_of(const Algorithm& algorithm) {
  const auto keyword = std::ranges::find(kKeywords, algorithm, &Keyword::algorithm);
  return keyword == kKeywords.end() ? "?" : keyword->name;
}

// The algorithms of one proposal by kind, in the order written.
struct Choices {
  std::vector<Cipher> ciphers;
  std::vector<ike::IntegId> integs;
  std::vector<ike::PrfId> prfs;
  std::vector<ike::KeId> kes;
  std::vector<Esn> esns;

  template <class T>
  std::vector<T>& of_kind() {
    if constexpr (std::is_same_v<T, Cipher>)
      return ciphers;
    else if constexpr (std::is_same_v<T, ike::IntegId>)
      return integs;
    else if constexpr (std::is_same_v<T, ike::PrfId>)
      return prfs;
    else if constexpr (std::is_same_v<T, ike::KeId>)
      return kes;
    else
      return esns;
  }
};

std::unexpected<crypto::Error> refuse(std::string_view text, std::string_view why) {
  return crypto::fail(fmt::format("proposal \"{}\": {}", text, why));
}

crypto::Result<Choices> parse_choices(std::string_view text) {
  Choices choices;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t dash = rest.find('-');
    const std::string_view word = rest.substr(0, dash);
    more = dash != std::string_view::npos;
    if (more) rest.remove_prefix(dash + 1);
    const auto keyword = std::ranges::find(kKeywords, word, &Keyword::name);
    if (keyword == kKeywords.end())
      return refuse(text, fmt::format("\"{}\" is not an algorithm known here", word));
    const bool repeated = std::visit(
        [&]<class T>(const T& algorithm) {
          auto& list = choices.of_kind<T>();
          if (std::ranges::find(list, algorithm) != list.end()) return true;
          list.push_back(algorithm);
          return false;
        },
        keyword->algorithm);
    if (repeated) return refuse(text, fmt::format("\"{}\" stands twice", word));
  }
  if (choices.ciphers.empty()) return refuse(text, "a cipher is missing, e.g. aes256gcm16");
  const bool aead = ike::is_aead(choices.ciphers.front().id);
  for (const Cipher& cipher : choices.ciphers)
    if (ike::is_aead(cipher.id) != aead)
      return refuse(text, "AEAD and CBC ciphers need a proposal each (RFC 7296 §3.3)");
  if (aead && !choices.integs.empty())
    return refuse(text,
                  fmt::format("an AEAD cipher has no integrity algorithm; write prf{} for the PRF",
                              name_of(choices.integs.front())));
  if (!aead && choices.integs.empty())
    return refuse(text, "a CBC cipher needs an integrity algorithm, e.g. sha256");
  if (aead) choices.integs = {ike::IntegId::none};
  return choices;
}

ike::PrfId prf_of_integ(ike::IntegId integ) {
  switch (integ) {
    case ike::IntegId::hmac_sha2_384_192:
      return ike::PrfId::hmac_sha2_384;
    case ike::IntegId::hmac_sha2_512_256:
      return ike::PrfId::hmac_sha2_512;
    case ike::IntegId::hmac_sha2_256_128:
    case ike::IntegId::none:
      break;
  }
  return ike::PrfId::hmac_sha2_256;
}

bool are_too_many(const Choices& c) {
  return c.ciphers.size() * c.integs.size() * c.prfs.size() * c.kes.size() * c.esns.size() >
         kSuitesMax;
}

std::vector<ike::Suite> all_suites(const Choices& c) {
  std::vector<ike::Suite> suites;
  for (const Cipher& cipher : c.ciphers)
    for (const ike::IntegId integ : c.integs)
      for (const ike::PrfId prf : c.prfs)
        for (const ike::KeId ke : c.kes)
          for (const Esn esn : c.esns)
            suites.push_back({cipher.id, cipher.key_bits, prf, integ, ke, esn == Esn::on});
  return suites;
}

}  // namespace

crypto::Result<std::vector<ike::Suite>> parse_ike_proposal(std::string_view text) {
  if (text == "default")
    return std::vector(ike::default_ike_suites().begin(), ike::default_ike_suites().end());
  auto choices = parse_choices(text);
  if (!choices) return std::unexpected(choices.error());
  if (!choices->esns.empty()) return refuse(text, "esn and noesn belong to ESP proposals");
  if (choices->kes.empty()) return refuse(text, "a key exchange is missing, e.g. x25519");
  if (choices->prfs.empty()) {
    if (choices->integs.front() == ike::IntegId::none)
      return refuse(text, "an AEAD cipher needs a PRF, e.g. prfsha256");
    for (const ike::IntegId integ : choices->integs) choices->prfs.push_back(prf_of_integ(integ));
  }
  choices->esns = {Esn::off};
  if (are_too_many(*choices)) return refuse(text, "too many combinations");
  return all_suites(*choices);
}

crypto::Result<std::vector<ike::Suite>> parse_esp_proposal(std::string_view text) {
  if (text == "default")
    return std::vector(ike::default_esp_suites().begin(), ike::default_esp_suites().end());
  auto choices = parse_choices(text);
  if (!choices) return std::unexpected(choices.error());
  if (!choices->prfs.empty()) return refuse(text, "an ESP proposal has no PRF");
  if (choices->esns.empty()) choices->esns = {Esn::off};
  choices->prfs = {ike::Suite{}.prf};
  if (choices->kes.empty()) choices->kes = {ike::KeId::none};
  if (are_too_many(*choices)) return refuse(text, "too many combinations");
  return all_suites(*choices);
}

std::string ike_suite_text(const ike::Suite& suite) {
  std::string text(name_of(Cipher{suite.encr, suite.key_bits}));
  if (suite.integ != ike::IntegId::none) text += fmt::format("-{}", name_of(suite.integ));
  text += fmt::format("-{}", name_of(suite.prf));
  if (suite.ke != ike::KeId::none) text += fmt::format("-{}", name_of(suite.ke));
  return text;
}

std::string esp_suite_text(const ike::Suite& suite) {
  std::string text(name_of(Cipher{suite.encr, suite.key_bits}));
  if (suite.integ != ike::IntegId::none) text += fmt::format("-{}", name_of(suite.integ));
  if (suite.ke != ike::KeId::none) text += fmt::format("-{}", name_of(suite.ke));
  return text + (suite.esn ? "-esn" : "-noesn");
}

}  // namespace cp
