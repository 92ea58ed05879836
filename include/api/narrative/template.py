"""The summary by templates: the default, and what stands in when a model's text does not pass."""

from __future__ import annotations

import datetime as dt

from include.api.narrative.facts import NO_RATE, Fact


def write(facts: list[Fact]) -> str:
    """A few sentences in plain text."""
    known = {fact.name: fact for fact in facts}

    def number(name: str) -> float | None:
        fact = known.get(name)
        return float(fact.value) if fact and not isinstance(fact.value, str) else None

    def said(name: str) -> str:
        fact = known[name]
        return shown(fact)

    unpriced = known.get("currencies without an exchange rate")
    if "last day" not in known or (number("spend") is None and not unpriced):
        return "There are no numbers for this period yet."
    last = dt.date.fromisoformat(str(known["last day"].value))
    days = int(number("days") or 1)
    when = f"On {last:%A} {last.day} {last:%B %Y}" if days == 1 else f"In the {days} days to {last.day} {last:%B %Y}"
    if number("spend") is None:
        sentences = [f"{when}, no money is known in the reporting currency."]
    else:
        first = f"{when}, {said('spend')} was spent"
        if number("value") is not None:
            first += f" for {said('value')} of value"
        sentences = [first + (f", a ROAS of {said('roas')}." if number("roas") is not None else ".")]
    if unpriced:
        sentences.append(f"There is no exchange rate for {unpriced.value}: that money is left out.")
    moves = [
        f"{name} {'rose' if change > 0 else 'fell'} by {said(f'change of {key}').lstrip('-−')}"
        for key, name in (("spend", "spend"), ("value", "value"), ("roas", "ROAS"), ("cpa", "the cost per conversion"))
        if (change := number(f"change of {key}")) is not None and round(abs(change), 1) > 0
    ]
    if moves:
        sentences.append(f"Against the period before, {_listed(moves)}.")
    for key, verb in (("earned most", "earned"), ("lost most", "lost")):
        if f"{key} 1" in known and number(f"profit of {key} 1") is not None:
            amount = said(f"profit of {key} 1").lstrip("-−")
            sentences.append(f"{known[f'{key} 1'].value} {verb} the most: {amount}.")
    if waste := number("campaigns without a conversion"):
        share = f", {said('their share of spend')} of spend" if number("their share of spend") is not None else ""
        campaigns = "campaign" if waste == 1 else "campaigns"
        sentences.append(f"{int(waste)} {campaigns} spent {said('their spend')} without a conversion{share}.")
    if faulty := int(number("campaigns with faulty data, not judged") or 0):
        them = "1 campaign is" if faulty == 1 else f"{faulty} campaigns are"
        sentences.append(f"{them} not judged by these numbers: tracking or data were at fault.")
    count = int(number("open insights") or 0)
    if count:
        money = [said("money at stake")] if number("money at stake") else []
        money += [shown(fact) for fact in facts if fact.name.startswith(NO_RATE)]
        stake = f", with {_listed(money)} at stake" if money else ""
        sentences.append(f"{count} {'insight is' if count == 1 else 'insights are'} open{stake}.")
        if "insight 1" in known:
            sentences.append(f"Look first at: {str(known['insight 1'].value).rstrip('.')}.")
    else:
        sentences.append("No insight is open.")
    if young := number("days that may still change"):
        sentences.append(f"The numbers of {int(young)} {'day' if young == 1 else 'days'} may still change.")
    return " ".join(sentences)


def shown(fact: Fact) -> str:
    """A fact as the templates print it: money and percent rounded, counts whole."""
    if isinstance(fact.value, str):
        return fact.value
    if fact.unit == "%":
        return f"{fact.value:.1f} %"
    if fact.unit:
        digits = 0 if abs(fact.value) >= 1000 else 2
        return f"{fact.value:,.{digits}f} {fact.unit}"
    return f"{fact.value:,.0f}" if fact.value == int(fact.value) else f"{fact.value:,.2f}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
