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

using AdditionalKes = ike::AdditionalKes;

// The algorithms of one proposal by kind, in the order written.
struct Choices {
  std::vector<Cipher> ciphers;
  std::vector<ike::IntegId> integs;
  std::vector<ike::PrfId> prfs;
  std::vector<ike::KeId> kes;
  std::vector<Esn> esns;
  std::array<std::vector<ike::KeId>, AdditionalKes::kMax> additional;  // ADDKE1 to ADDKE7

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

// False when it stands there already.
template <class T>
bool add_once(std::vector<T>& list, const T& item) {
  if (std::ranges::find(list, item) != list.end()) return false;
  list.push_back(item);
  return true;
}

enum class Read : std::uint8_t { added, twice, unknown };

// "ke1_x25519" to "ke7_x25519", also "ke1_none": RFC 9370.
constexpr std::size_t kAddkePrefixLen = 4;
bool is_additional(std::string_view word) {
  return word.size() > kAddkePrefixLen && word.starts_with("ke") && word[2] >= '1' &&
         word[2] <= '7' && word[3] == '_';
}

Read read_additional(std::string_view word, Choices& choices) {
  auto& list = choices.additional[static_cast<std::size_t>(word[2] - '1')];
  const std::string_view name = word.substr(kAddkePrefixLen);
  ike::KeId ke = ike::KeId::none;
  if (name != "none") {
    const auto keyword = std::ranges::find(kKeywords, name, &Keyword::name);
    if (keyword == kKeywords.end() || !std::holds_alternative<ike::KeId>(keyword->algorithm))
      return Read::unknown;
    ke = std::get<ike::KeId>(keyword->algorithm);
  }
  return add_once(list, ke) ? Read::added : Read::twice;
}

Read read_word(std::string_view word, Choices& choices) {
  if (is_additional(word)) return read_additional(word, choices);
  const auto keyword = std::ranges::find(kKeywords, word, &Keyword::name);
  if (keyword == kKeywords.end()) return Read::unknown;
  const bool added = std::visit(
      [&]<class T>(const T& algorithm) { return add_once(choices.of_kind<T>(), algorithm); },
      keyword->algorithm);
  return added ? Read::added : Read::twice;
}

crypto::Result<Choices> parse_choices(std::string_view text) {
  Choices choices;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t dash = rest.find('-');
    const std::string_view word = rest.substr(0, dash);
    more = dash != std::string_view::npos;
    if (more) rest.remove_prefix(dash + 1);
    const Read read = read_word(word, choices);
    if (read == Read::unknown)
      return refuse(text, fmt::format("\"{}\" is not an algorithm known here", word));
    if (read == Read::twice) return refuse(text, fmt::format("\"{}\" stands twice", word));
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
  std::size_t count =
      c.ciphers.size() * c.integs.size() * c.prfs.size() * c.kes.size() * c.esns.size();
  for (const auto& list : c.additional) {
    if (count > kSuitesMax) return true;
    count *= std::max<std::size_t>(list.size(), 1);
  }
  return count > kSuitesMax;
}

std::vector<AdditionalKes> all_additional(const Choices& c) {
  std::vector<AdditionalKes> all(1);
  for (std::size_t i = 0; i < c.additional.size(); ++i) {
    if (c.additional[i].empty()) continue;
    std::vector<AdditionalKes> longer;
    for (AdditionalKes kes : all)
      for (const ike::KeId ke : c.additional[i]) {
        kes.set(i, ke);
        longer.push_back(kes);
      }
    all = std::move(longer);
  }
  return all;
}

// Without those that would do one key exchange twice (RFC 9370 §2.2.1).
std::vector<ike::Suite> all_suites(const Choices& c) {
  std::vector<ike::Suite> suites;
  const std::vector<AdditionalKes> all = all_additional(c);
  for (const Cipher& cipher : c.ciphers)
    for (const ike::IntegId integ : c.integs)
      for (const ike::PrfId prf : c.prfs)
        for (const ike::KeId ke : c.kes)
          for (const AdditionalKes& additional : all)
            for (const Esn esn : c.esns) {
              const ike::Suite suite{cipher.id, cipher.key_bits, prf,       integ,
                                     ke,        esn == Esn::on,  additional};
              if (ike::kes_differ(suite)) suites.push_back(suite);
            }
  return suites;
}

crypto::Result<std::vector<ike::Suite>> suites_of(std::string_view text, const Choices& choices) {
  if (are_too_many(choices)) return refuse(text, "too many combinations");
  std::vector<ike::Suite> suites = all_suites(choices);
  if (suites.empty()) return refuse(text, "the key exchanges must differ (RFC 9370 §2.2.1)");
  return suites;
}

std::string kes_text(const ike::Suite& suite) {
  std::string text;
  if (suite.ke != ike::KeId::none) text = fmt::format("-{}", name_of(suite.ke));
  const AdditionalKes& more = suite.additional;
  for (std::size_t i = more.next(0); i < AdditionalKes::kMax; i = more.next(i + 1))
    text += fmt::format("-ke{}_{}", i + 1, name_of(more.at(i)));
  return text;
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
  return suites_of(text, *choices);
}

crypto::Result<std::vector<ike::Suite>> parse_esp_proposal(std::string_view text) {
  if (text == "default")
    return std::vector(ike::default_esp_suites().begin(), ike::default_esp_suites().end());
  auto choices = parse_choices(text);
  if (!choices) return std::unexpected(choices.error());
  if (!choices->prfs.empty()) return refuse(text, "an ESP proposal has no PRF");
  if (choices->esns.empty()) choices->esns = {Esn::off};
  choices->prfs = {ike::Suite{}.prf};
  if (choices->kes.empty()) {
    const auto is_named = [](const auto& list) { return !list.empty(); };
    if (std::ranges::any_of(choices->additional, is_named))
      return refuse(text, "an additional key exchange needs a first one, e.g. x25519");
    choices->kes = {ike::KeId::none};
  }
  return suites_of(text, *choices);
}

std::string ike_suite_text(const ike::Suite& suite) {
  std::string text(name_of(Cipher{suite.encr, suite.key_bits}));
  if (suite.integ != ike::IntegId::none) text += fmt::format("-{}", name_of(suite.integ));
  return text + fmt::format("-{}", name_of(suite.prf)) + kes_text(suite);
}

std::string esp_suite_text(const ike::Suite& suite) {
  std::string text(name_of(Cipher{suite.encr, suite.key_bits}));
  if (suite.integ != ike::IntegId::none) text += fmt::format("-{}", name_of(suite.integ));
  return text + kes_text(suite) + (suite.esn ? "-esn" : "-noesn");
}

}  // namespace cp
