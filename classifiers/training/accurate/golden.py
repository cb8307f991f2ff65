"""Texts of our own on which the trainer's findings and the shipped code's are compared."""

LETTER = ("Dear Ms Margaret Thompson,\n\nthank you for your letter of 3 March 2021. Our clerk Paweł Kowalczyk in Kraków has looked at "
          "customer number KD-20418 and found nothing wrong. ")
TEXTS = [
    "", " ", "\n\n\t ", ".", "?!", "a", "😀", "é", "e\u0301", "ﬁ", "İstanbul", "漢字かな", "\u200b", "x" * 150, "١٢٣ ٤٥", "straße",
    "Anna Schmidt", "anna schmidt", "ANNA SCHMIDT", "Anna\u00a0Schmidt", "An\u0303a Mu\u0308ller lives in Ko\u0308ln.",
    "My name is John Smith and I live in Leeds.", "my name is john smith and i live in leeds",
    "Call Dr. Aisha Khan at St. Mary's Hospital on 12/05/1984.", "The patient, a 47-year-old Polish man, was born in Gdańsk.",
    "@night_owl84 said hi to Tom", "user: jdoe42 logged in", "{\"name\": \"Jane Doe\", \"city\": \"Oslo\", \"age\": 31}",
    "INSERT INTO staff (name, town) VALUES ('Maria Rossi', 'Bologna');", "GET /users?name=Peter%20Parker HTTP/1.1",
    "const owner = \"Liam O'Connor\";", "name,city\nÉlodie Dubois,Lyon\nKees de Vries,Utrecht",
    "Die Rechnung für Frau Ingrid Bauer, Hauptstraße 12, 80331 München, ist offen.",
    "Monsieur Jean-Luc Moreau habite à Nantes depuis 2015.", "La señora Carmen Ortega nació en Sevilla el 7 de mayo de 1968.",
    "Il dottor Marco Bianchi lavora a Torino.", "Mevrouw Van der Berg woont in Den Haag.", "Pan Zbigniew Nowak mieszka w Łodzi.",
    "O senhor João Pereira é de Coimbra.", "Employee E-48213 works for Northwind Labs.", "MRN 00482913, admitted on Monday",
    "Jordan normal form and plaster of Paris", "May I ask Will about the rose?", "for i in range(10): print(i)",
    "error: cannot borrow `x` as mutable", "10.0.0.1 - - [12/Mar/2024:10:01:02 +0000] \"GET / HTTP/1.1\" 200",
    "Barack Obama met Angela Merkel in Berlin.", "Ask Siobhán or Nguyễn Thị Minh.", "Mr Smith, Mrs Smith and Smith Jr.",
    "phone 555 0142, ask for Bob", "<p>Name: <b>Olga Ivanova</b></p>", "Ivan,Olga;Pjotr|Katya", "Tim\u2019s and Anna's car",
    "Born 1990-02-30 in Paris, Texas, to an American mother.", "username: blue.heron.77, id 4711-0815",
    "J. R. R. Tolkien", "the the the the", "Señor Núñez, Ñuñoa", "Weiß und Größe", LETTER, LETTER * 3, (LETTER * 20)[:3000],
]
