"""What people are called on screens: by role and initials, never by more."""

from hearthline_backend.web.language import _


def title_name(title: str) -> str:
    """A title in the language of the person looking."""
    names = {
        "nurse": _("Nurse"),
        "doctor": _("Doctor"),
        "technician": _("Technician"),
        "engineer": _("Engineer"),
        "patient": _("Patient"),
        "carer": _("Carer"),
    }
    return names.get(title.lower(), title)


def staff_name(title: str, initials: str) -> str:
    """Nurse E.S."""
    return f"{title_name(title)} {initials}"
