// The file of revocations.
#include "controlplane/revocations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "controlplane/hex_text.h"
#include "controlplane/report.h"

namespace cp {
namespace {

constexpr std::size_t kLinesMax = 1'000'000;

// False: not a line of ours.
bool read_line(std::string_view line, dp::DenyList& list) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view word = line.substr(0, space), value = line.substr(space + 1);
  if (word == "generation") {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), list.generation_min);
    return error == std::errc() && end == value.data() + value.size();
  }
  const auto octets = parse_hex(value);
  if (!octets) return false;
  if (word == "issuer" && octets->size() == 8) {
    list.issuers.push_back(crypto::load_be64(octets->data()));
    return true;
  }
  if (word != "identity" || octets->size() < 5) return false;
  list.identities.emplace_back(octets->begin(), octets->end());
  return true;
}

template <class T>
void insert_sorted(std::vector<T>& list, T value) {
  const auto at = std::ranges::lower_bound(list, value);
  if (at == list.end() || *at != value) list.insert(at, std::move(value));
}

void sort(dp::DenyList& list) {
  const auto tidy = [](auto& values) {
    std::ranges::sort(values);
    values.erase(std::ranges::unique(values).begin(), values.end());
  };
  tidy(list.issuers);
  tidy(list.identities);
}

std::string text_of(const dp::DenyList& list) {
  std::string text;
  if (list.generation_min != 0) text += fmt::format("generation {}\n", list.generation_min);
  for (const std::uint64_t issuer : list.issuers) text += fmt::format("issuer {:016x}\n", issuer);
  for (const std::string& identity : list.identities) {
    text += "identity ";
    for (const char octet : identity)
      text += fmt::format("{:02x}", static_cast<unsigned char>(octet));
    text += '\n';
  }
  return text;
}

}  // namespace

crypto::Result<Revocations> Revocations::load(std::string path) {
  Revocations made(std::move(path));
  std::ifstream file(made.path_);
  if (!file) {
    if (errno == ENOENT) return made;
    return crypto::fail(fmt::format("cannot read {}: {}", made.path_, std::strerror(errno)));
  }
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number)
    if (number > kLinesMax || !read_line(line, made.own_))
      return crypto::fail(fmt::format(
          "{}:{}: expected \"identity HEX\", \"issuer HEX\" or \"generation N\"; what stands there "
          "was not written by resurged",
          made.path_, number));
  sort(made.own_);
  return made;
}

crypto::Status Revocations::save(const dp::DenyList& wanted) {
  if (const auto written = replace_file(path_, text_of(wanted)); !written) return written;
  own_ = wanted;
  return {};
}

crypto::Status Revocations::add_identity(crypto::Bytes id_body) {
  dp::DenyList wanted = own_;
  insert_sorted(wanted.identities, std::string(id_body.begin(), id_body.end()));
  return save(wanted);
}

crypto::Status Revocations::add_issuer(ike::IssuerId issuer) {
  dp::DenyList wanted = own_;
  insert_sorted(wanted.issuers, issuer.value());
  return save(wanted);
}

crypto::Status Revocations::raise_generation(std::uint32_t generation) {
  dp::DenyList wanted = own_;
  wanted.generation_min = std::max(wanted.generation_min, generation);
  return save(wanted);
}

dp::DenyList Revocations::merged(const dp::DenyList& configured) const {
  dp::DenyList all = configured;
  all.issuers.insert(all.issuers.end(), own_.issuers.begin(), own_.issuers.end());
  all.identities.insert(all.identities.end(), own_.identities.begin(), own_.identities.end());
  all.generation_min = std::max(all.generation_min, own_.generation_min);
  sort(all);
  return all;
}

}  // namespace cp
