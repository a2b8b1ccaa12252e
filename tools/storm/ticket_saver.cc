// Collecting credentials for the next run.
#include "tools/storm/ticket_saver.h"

#include <ctime>

namespace storm {

crypto::Result<TicketSaver> TicketSaver::create(const std::string& path, const TicketBag* bag,
                                                std::uint32_t clients) {
  auto writer = TicketBagWriter::create(path);
  if (!writer) return std::unexpected(writer.error());
  return TicketSaver(std::move(*writer), bag, clients);
}

void TicketSaver::add(const Credential& credential) {
  if (!status_) return;
  status_ = writer_.add(credential);
}

void TicketSaver::established(const Established& session) {
  seen_[session.client] = true;
  if (session.renewed.ticket.empty()) return;
  Credential credential = session.renewed;
  credential.expires_s = static_cast<std::uint64_t>(std::time(nullptr)) + session.ticket_lifetime_s;
  add(credential);
}

void TicketSaver::failed(std::uint32_t client, Outcome outcome) {
  seen_[client] = true;
  if (bag_ != nullptr && outcome != Outcome::nack) add(bag_->at(client));
}

crypto::Status TicketSaver::commit(std::uint64_t now_s) {
  for (std::uint32_t client = 0; bag_ != nullptr && client < seen_.size(); ++client)
    if (!seen_[client]) add(bag_->at(client));
  if (!status_) return status_;
  if (writer_.count() == 0) return crypto::fail("no client has a ticket that could be saved");
  return writer_.commit(now_s);
}

}  // namespace storm
